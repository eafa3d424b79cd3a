import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import postgres from "postgres";
import type { JobDraft, JobRow } from "../../src/jobs/store.ts";
import { newId } from "../../src/kernel/ids.ts";
import { nextToLease } from "../../src/storage/postgres/collections/job-statements.ts";
import { JobGroupRows } from "../../src/storage/postgres/collections/jobs.ts";
import type { Sql } from "../../src/storage/postgres/connection.ts";
import {
	earliestDue,
	earliestExpiry,
	oldestOfQueue,
} from "../../src/storage/sqlite/collections/job-store.ts";
import {
	dueOfAll,
	expiredLeases,
	JobRowsInPlace,
	nextOfQueue,
} from "../../src/storage/sqlite/collections/jobs.ts";
import { systemContext as context } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { openTestStorage } from "../support/storage.ts";
import { onEnd } from "../support/teardown.ts";

const draft: JobDraft = {
	kind: "k",
	payload: "1",
	queue: "q",
	priority: 0,
	runAt: undefined,
	maxAttempts: 5,
	uniqueKey: undefined,
};

interface Statements {
	run(statement: string): Promise<unknown>;
	/** The query plan of the statement that finds leasable jobs, as text. */
	planOfLease(): Promise<string>;
}

function connect(url: string): Sql {
	const types = { bigint: { to: 20, from: [20], parse: Number, serialize: String } };
	return postgres(url, { max: 1, types, onnotice() {} });
}

function statements(url: string): Statements {
	if (url.startsWith("sqlite")) {
		const database = new Database(url.replace("sqlite:///", ""));
		onEnd(() => database.close());
		return {
			run: async (statement) => database.run(statement),
			planOfLease: async () =>
				[nextOfQueue, dueOfAll, expiredLeases, earliestDue, earliestExpiry, oldestOfQueue]
					.flatMap((statement) => {
						const plan = database.query<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${statement}`).all();
						return plan.map(({ detail }) => detail);
					})
					.join("\n"),
		};
	}
	const sql = connect(url);
	onEnd(() => sql.end());
	return {
		run: async (statement) => sql.unsafe(statement),
		async planOfLease() {
			await sql`ANALYZE jobs`;
			const rows = await sql<{ "QUERY PLAN": string }[]>`EXPLAIN (ANALYZE, BUFFERS)
				${nextToLease(sql, { space: 1, queues: ["q", "p"], limit: 10 })}`;
			return rows.map((row) => row["QUERY PLAN"]).join("\n");
		},
	};
}

for (const { name, newUrl } of durableDatabases) {
	test(`leases read the first entries of one short index, however many jobs have ended, on ${name}`, async () => {
		const url = await newUrl();
		const { jobs } = await openTestStorage(url);
		for (let batch = 0; batch < 6; batch++) {
			const made = Array.from({ length: 1000 }, () => ({ id: newId(), job: draft }));
			await jobs.enqueueBatch({ jobs: made, idempotent: undefined, context });
		}
		const { run, planOfLease } = statements(url);
		await run("UPDATE jobs SET state = 'succeeded' WHERE id IN (SELECT id FROM jobs ORDER BY id LIMIT 5000)");
		const plan = await planOfLease();
		expect(plan).toContain("jobs_leasable");
		expect(plan).not.toMatch(/Seq Scan|TEMP B-TREE/);
		// Without a range the index is read from its first entry.
		expect(plan).not.toMatch(/SCAN jobs (?!USING (COVERING )?INDEX jobs_(due|expiring))/);
		// Postgres reads ten rows of each queue and sorts only those.
		if (name === "Postgres") expect(plan).toMatch(/Index Scan using jobs_leasable on jobs .*rows=[015]/);
	});

	test(`the update itself checks the fence: if it has changed, the transaction fails, on ${name}`, async () => {
		const url = await newUrl();
		const { jobs } = await openTestStorage(url);
		await jobs.enqueue({ id: newId(), job: draft, idempotent: undefined, context });
		const [leased] = await jobs.lease({ worker: "w", queues: ["q"], limit: 1, leaseSeconds: 60, context });
		const id = leased?.id ?? "";
		const update = url.startsWith("sqlite") ? updateOnSqlite : updateOnPostgres;
		const message = await update(url, id, "UPDATE jobs SET fence = 7, worker = 'v'").catch(String);
		expect(message).toMatch(/fence/);
		expect(await jobs.find(1, id)).toMatchObject({ state: "leased", fence: 1, worker: "w" });
		await update(url, id, "UPDATE jobs SET worker = 'v'");
		expect(await jobs.find(1, id)).toMatchObject({ state: "dead", fence: 1, worker: "v" });
	});
}

/** Reads a job as a unit does, changes it from outside, and writes what the unit decided. */
async function updateOnSqlite(url: string, id: string, meanwhile: string): Promise<void> {
	const database = new Database(url.replace("sqlite:///", ""), { strict: true });
	const rows = new JobRowsInPlace(database);
	try {
		database.transaction(() => {
			const held = rows.find(id) as JobRow;
			database.run(meanwhile);
			rows.update(held, { ...held, state: "dead", worker: "v" });
		})();
	} finally {
		database.close();
	}
}

async function updateOnPostgres(url: string, id: string, meanwhile: string): Promise<void> {
	const sql = connect(url);
	try {
		await sql.begin(async (tx) => {
			const rows = new JobGroupRows();
			await rows.fetch(tx, [{ ids: [id] }]);
			await tx.unsafe(meanwhile);
			const held = rows.find(id) as JobRow;
			rows.update(held, { ...held, state: "dead", worker: "v" });
			await Promise.all(rows.write(tx));
		});
	} finally {
		await sql.end();
	}
}
