import { describe, expect, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { epochGap } from "../../src/events/store.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { Log } from "../../src/kernel/log.ts";
import { openStorage } from "../../src/storage/open.ts";
import { collections } from "../../src/storage/postgres/collections.ts";
import { CommitNotifier } from "../../src/storage/postgres/commit-notifier.ts";
import { openCollections } from "../../src/storage/postgres/database.ts";
import { EpochGuard, instanceOf } from "../../src/storage/postgres/log-epoch.ts";
import type { Pool } from "../../src/storage/postgres/pool.ts";
import { taskService } from "../../src/tasks/service.ts";
import { systemContext } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { openPool, postgresAddress } from "../support/pool.ts";
import { silentLog } from "../support/server.ts";

const log = await silentLog();
const postgres = durableDatabases.find(({ name }) => name === "Postgres");

function newGuard(pool: Pool, guardLog: Log): EpochGuard {
	return new EpochGuard(pool, guardLog, Object.values(collections));
}

/** A migrated database, and a client connected to it. */
async function newDatabase() {
	const url = (await postgres?.newUrl()) ?? "";
	const storage = await openStorage(readConfig({ DATABASE_URL: url }, false).database, log);
	await storage.stop();
	const pool = await openPool(url, 6);
	const { sql } = pool;
	const rev = async () => (await sql<{ rev: number }[]>`SELECT rev FROM log_head`)[0]?.rev ?? -1;
	const pretendRestored = () => sql`UPDATE settings SET value = 'elsewhere' WHERE name = 'log_home'`;
	/** How many connections to this database wait for a lock. */
	const waiting = async () => {
		const [found] = await sql<{ count: number }[]>`SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`;
		return found?.count ?? 0;
	};
	return { url, pool, sql, rev, pretendRestored, waiting };
}

describe.if(postgres !== undefined)("the epoch guard", () => {
	test("remembers the server after a check, and begins no epoch if the log is where it was written", async () => {
		const { pool, sql, rev } = await newDatabase();
		const guard = newGuard(pool, log);
		expect(guard.instance).toBe(0);
		await guard.check();
		const [server] = await sql<{ isSame: boolean }[]>`
			SELECT ${instanceOf(sql)} = ${guard.instance}::bigint AS "isSame"`;
		expect(server).toEqual({ isSame: true });
		expect(await rev()).toBe(0);
	});

	test("begins one epoch when several processes check at once", async () => {
		const { pool, sql, rev, pretendRestored, waiting } = await newDatabase();
		await pretendRestored();
		const warnings: string[] = [];
		const counting = { warn: (message: string) => warnings.push(message) } as unknown as Log;
		const guards = Array.from({ length: 4 }, () => newGuard(pool, counting));
		// All have found that the log was last written elsewhere before the first one may act.
		let checks: Promise<unknown> | undefined;
		await sql.begin(async (tx) => {
			await tx`SELECT FROM log_head FOR UPDATE`;
			checks = Promise.all(guards.map((guard) => guard.check()));
			while ((await waiting()) < guards.length) await Bun.sleep(5);
		});
		await checks;
		expect(warnings).toHaveLength(1);
		const first = await rev();
		expect(first).toBeGreaterThan(epochGap);
		for (const guard of [...guards, newGuard(pool, counting)]) await guard.check();
		expect([await rev(), warnings.length]).toEqual([first, 1]);
	});

	test("begins an epoch whole or not at all", async () => {
		const { pool, rev, pretendRestored } = await newDatabase();
		await pretendRestored();
		const failing = { ...collections.users, beginEpoch: () => Promise.reject(new Error("no space")) };
		const guard = new EpochGuard(pool, log, [...Object.values(collections), failing]);
		expect(await guard.check().catch(({ message }) => message)).toBe("no space");
		expect([await rev(), guard.instance]).toEqual([0, 0]);
		await newGuard(pool, log).check();
		expect(await rev()).toBeGreaterThan(epochGap);
	});

	test("assigns no event number and returns no end of the log on an unchecked server", async () => {
		for (const step of ["insert", "update", "range", "read"] as const) {
			const { url, pool, sql, rev, pretendRestored } = await newDatabase();
			const notifier = new CommitNotifier(postgresAddress(url), async () => {}, log);
			const opened = openCollections({ pool, epochs: newGuard(pool, log), notifier, log }, collections);
			const tasks = taskService(opened.stores.tasks, opened.run);
			const create = () =>
				tasks.create({
					id: newId(),
					author: "Ada",
					task: { title: "t" },
					idempotent: undefined,
					now: 1,
					context: systemContext,
				});
			const id = newId();
			await sql`INSERT INTO tasks VALUES (1, ${id}, 'there', '', 1, 1, 1)`;
			await sql`UPDATE log_head SET rev = 1`;
			await pretendRestored();
			const { events } = opened.stores;
			if (step === "insert") await create();
			if (step === "update")
				await tasks.update({
					id,
					ifMatch: "any",
					author: "Ada",
					patch: { title: "u" },
					now: 2,
					context: systemContext,
				});
			const query = { space: "every", after: 0, types: [], limit: 1, bytesMax: 1 } as const;
			const range = step === "read" ? await events.read(query) : await events.range();
			expect(range.purgedRev).toBeGreaterThan(epochGap);
			const written = step === "insert" || step === "update" ? 1 : 0;
			expect([range.rev, await rev()]).toEqual([range.purgedRev + written, range.purgedRev + written]);
			await opened.stop();
		}
	});
});
