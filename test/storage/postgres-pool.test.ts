import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import type { Log } from "../../src/kernel/log.ts";
import { TimeoutError } from "../../src/kernel/timeout.ts";
import { systemContext } from "../support/context.ts";
import { openPool, postgresAddress } from "../support/pool.ts";
import { newPostgresDatabase, postgresUrl } from "../support/postgres.ts";
import { silentLog } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { openTestStorage } from "../support/storage.ts";

const server = await postgresUrl();
const newUrl = () => newPostgresDatabase(server ?? "");

/** Statements that run in the database now, other than this one. */
async function running(url: string): Promise<readonly unknown[]> {
	const rows = await runSql(
		url,
		"SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()",
	);
	return rows.map(({ query }) => query);
}

describe.if(server !== undefined)("the connections to Postgres", () => {
	test("stop a statement that takes too long, on the server as well", async () => {
		const url = await newUrl();
		const pool = await openPool(url, 1);
		// The connection is open before the time begins.
		await pool.run(() => pool.sql`SELECT 1`);
		const slow = pool.run(() => pool.sql`SELECT pg_sleep(60)`, 3000).catch((error) => error);
		while ((await running(url)).length === 0) await Bun.sleep(5);
		expect(await slow).toBeInstanceOf(TimeoutError);
		while ((await running(url)).length > 0) await Bun.sleep(5);
		expect([...(await pool.run(() => pool.sql`SELECT 1 AS one`))]).toEqual([{ one: 1 }]);
	});

	test("repeat what a serialization failure or a deadlock undid, and nothing else that fails", async () => {
		const pool = await openPool(await newUrl(), 2);
		for (const [code, attempts] of [
			["40001", 3],
			["40P01", 3],
			["53300", 3],
			["23505", 1],
			["57014", 1],
		] as const) {
			let made = 0;
			const failing = pool.run(async () => {
				if (++made < 3) throw Object.assign(new Error("refused"), { code });
				return "done";
			});
			expect([code, await failing.catch((error) => error.code), made]).toEqual([
				code,
				attempts === 3 ? "done" : code,
				attempts,
			]);
		}
	});

	test("say why the server refused what they repeat, when the time is up during a later attempt", async () => {
		const pool = await openPool(await newUrl(), 1);
		let made = 0;
		const failing = pool.run(() => {
			if (++made > 1) return new Promise<never>(() => {});
			return Promise.reject(Object.assign(new Error("refused"), { code: "53300" }));
		}, 300);
		expect(await failing.catch((error) => [error.code, made])).toEqual(["53300", 2]);
	});

	test("give transactions the settings that the program relies on, for each transaction alone", async () => {
		const url = await newUrl();
		const database = new URL(url).pathname.slice(1);
		const names = [
			"transaction_isolation",
			"statement_timeout",
			"lock_timeout",
			"extra_float_digits",
			"array_nulls",
		];
		const wanted = "SELECT current_setting(name) AS value FROM unnest($1::text[]) AS wanted (name)";
		await runSql(url, `ALTER DATABASE ${database} SET default_transaction_isolation = 'repeatable read'`);
		await runSql(url, `ALTER DATABASE ${database} SET lock_timeout = '7s'`);
		const pool = await openPool(url, 1);
		const inside = await pool.begin((tx) => tx.unsafe<{ value: string }[]>(wanted, [names]));
		expect(inside.map(({ value }) => value)).toEqual(["read committed", "10s", "10s", "3", "on"]);
		const outside = await pool.sql.unsafe<{ value: string }[]>(wanted, [names]);
		expect(outside.map(({ value }) => value)).toEqual(["repeatable read", "0", "7s", "1", "on"]);
	});

	test("keep nothing in a session with DATABASE_LISTEN=off, and poll instead; the log says so once", async () => {
		const url = await newUrl();
		const lines: string[] = [];
		const log: Log = Object.assign(Object.create(await silentLog()), {
			info: (...parts: unknown[]) => lines.push(String(parts.at(-1))),
		});
		const storage = await openTestStorage(url, log, { DATABASE_LISTEN: "off", DATABASE_POOL: "1" });
		expect(lines.filter((line) => line.includes("DATABASE_LISTEN"))).toEqual([
			"DATABASE_LISTEN is off: commits of other processes are polled for.",
		]);
		const heard = Promise.withResolvers<void>();
		const other = await openTestStorage(url);
		await storage.events.range();
		const forget = storage.events.onChange(heard.resolve);
		await other.tasks.create({
			id: newId(),
			author: "Ada",
			task: { title: "t" },
			idempotent: undefined,
			now: 1,
			context: systemContext,
		});
		await heard.promise;
		forget();
		await other.stop();
		const sessions = await runSql(
			url,
			"SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'orchestrator%'",
		);
		expect(sessions).toEqual([{ application_name: "orchestrator" }]);
		await storage.stop();

		const pool = await openPool(url, 1, { DATABASE_LISTEN: "off" });
		for (const _ of [1, 2]) await pool.sql`SELECT ${1}::int`;
		expect([...(await pool.sql`SELECT name FROM pg_prepared_statements`)]).toEqual([]);
		expect(postgresAddress(url).listens).toBe(true);
	});
});
