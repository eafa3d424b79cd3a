import { describe, expect, test } from "bun:test";
import postgres from "postgres";
import { eventTypes } from "../../src/kernel/event-draft.ts";
import { newId } from "../../src/kernel/ids.ts";
import { systemContext } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { runSql } from "../support/sql.ts";
import { openTestStorage, type TestStorage } from "../support/storage.ts";
import { pageQuery } from "../support/task-pages.ts";

const versions = 10_000;

/** Updates the row of the log's head while another session's snapshot needs every version of it, as `pg_dump` does. */
async function holdSnapshot(url: string): Promise<void> {
	const dump = postgres(url, { max: 1, onnotice() {} });
	await dump.begin("isolation level repeatable read", async (tx) => {
		await tx`SELECT count(*) FROM log_head`;
		// By ctid, since by the key each update would pass over all versions before.
		await runSql(
			url,
			`DO $$ DECLARE place tid; BEGIN
				SELECT ctid INTO place FROM log_head WHERE one = 1;
				FOR version IN 1..${versions} LOOP
					UPDATE log_head SET rev = rev WHERE ctid = place RETURNING ctid INTO place;
				END LOOP;
			END $$`,
		);
	});
	await dump.end();
	await runSql(url, "VACUUM ANALYZE log_head");
}

/** Waits until no other session is left: then its counts are in the statistics. */
async function othersEnded(url: string): Promise<void> {
	const others =
		"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
	while ((await runSql(url, others)).length > 0) await Bun.sleep(20);
}

/** Every kind of statement that reads or writes the log's head. */
async function useLog({ tasks, jobs, events }: TestStorage): Promise<void> {
	const change = { now: 1, context: systemContext, idempotent: undefined };
	const task = { id: newId(), author: "Ada", task: { title: "t" } };
	await tasks.create({ ...change, ...task });
	await tasks.update({ ...change, id: task.id, ifMatch: "any", author: "Ada", patch: { title: "u" } });
	const job = { kind: "k", payload: "1", queue: "q", priority: 0, maxAttempts: 1 };
	await jobs.enqueue({ ...change, id: newId(), job: { ...job, runAt: undefined, uniqueKey: undefined } });
	await tasks.revision(1);
	await tasks.list(pageQuery({ order: "desc", limit: 10 }));
	await events.range();
	await events.read({ space: "every", after: 0, types: eventTypes, limit: 10, bytesMax: 1_000_000 });
	await events.purge(2, 1);
}

describe.each(durableDatabases.filter(({ name }) => name === "Postgres"))(
	"after a long snapshot on $name",
	({ newUrl }) => {
		test("the log's head has pages that a vacuum leaves, and no statement reads them", async () => {
			const url = await newUrl();
			await (await openTestStorage(url)).stop();
			await holdSnapshot(url);
			await othersEnded(url);
			const [{ pages } = {}] = await runSql(url, "SELECT pg_relation_size('log_head') / 8192 AS pages");
			expect(Number(pages)).toBeGreaterThan(40);
			await runSql(url, "SELECT pg_stat_reset_single_table_counters('log_head'::regclass)");
			const storage = await openTestStorage(url);
			await useLog(storage);
			await storage.stop();
			await othersEnded(url);
			const [counts] = await runSql(
				url,
				"SELECT seq_scan::int, idx_scan > 5 AS used FROM pg_stat_user_tables WHERE relname = 'log_head'",
			);
			expect(counts).toEqual({ seq_scan: 0, used: true });
		});
	},
);
