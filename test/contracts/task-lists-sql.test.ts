import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import postgres from "postgres";
import { rowsOf, type Stream, streamsOf } from "../../src/storage/collections/task-streams.ts";
import { type TaskPlace, type TaskSort, taskSorts } from "../../src/tasks/store.ts";
import { durableDatabases } from "../support/databases.ts";
import { openTestStorage } from "../support/storage.ts";
import { pageQuery } from "../support/task-pages.ts";
import { onEnd } from "../support/teardown.ts";

const places: Readonly<Record<TaskSort, TaskPlace>> = {
	created: [5],
	priority: [0, "m", 5],
	status_since: [1, 5],
	updated: [5],
};

/** Every part of every list, from its beginning and from a place in it. */
const streams = taskSorts.flatMap((sort) =>
	(["asc", "desc"] as const).flatMap((order) =>
		[undefined, places[sort]].flatMap((after) => streamsOf(pageQuery({ sort, order, after }), {})),
	),
);

type Explain = (stream: Stream) => Promise<string>;

function onSqlite(url: string): Explain {
	const database = new Database(url.replace("sqlite:///", ""));
	onEnd(() => database.close());
	return async (stream) => {
		const rows = rowsOf(stream, (index) => ` INDEXED BY ${index}`);
		return database
			.query<{ detail: string }, (string | number)[]>(`EXPLAIN QUERY PLAN SELECT seq ${rows} LIMIT 10`)
			.all(1, ...stream.values)
			.map(({ detail }) => detail)
			.join("\n");
	};
}

function onPostgres(url: string): Explain {
	const sql = postgres(url, { max: 1 });
	onEnd(() => sql.end());
	return async (stream) => {
		let count = 0;
		const rows = rowsOf(stream, () => "").replaceAll("?", () => `$${++count}`);
		const plan = await sql.begin(async (tx) => {
			await tx`SET LOCAL enable_seqscan = off`;
			await tx`SET LOCAL enable_bitmapscan = off`;
			return tx.unsafe(`EXPLAIN SELECT seq ${rows} LIMIT 10`, [1, ...stream.values]);
		});
		return plan.map((row) => row["QUERY PLAN"]).join("\n");
	};
}

test.each([...durableDatabases])(
	"$name reads every part of a list in the order of its index",
	async ({ newUrl }) => {
		const url = await newUrl();
		await openTestStorage(url);
		const explain = url.startsWith("sqlite") ? onSqlite(url) : onPostgres(url);
		expect(streams.length).toBeGreaterThan(40);
		for (const stream of streams) {
			const plan = await explain(stream);
			expect(plan).toContain(stream.index);
			expect(plan).not.toMatch(/sort|temp b-tree/i);
		}
	},
);
