import { describe, expect, test } from "bun:test";
import postgres from "postgres";
import { openPool } from "../support/pool.ts";
import { newPostgresDatabase, postgresUrl } from "../support/postgres.ts";
import { onEnd } from "../support/teardown.ts";

const server = await postgresUrl();

function connectionTo(url: string): postgres.Sql {
	const sql = postgres(url, { max: 1, fetch_types: false, onnotice() {} });
	onEnd(() => sql.end());
	return sql;
}

describe.if(server !== undefined)("a connection to Postgres", () => {
	test("that is lost while it asks for the types of arrays is replaced by one that asks again", async () => {
		const url = await newPostgresDatabase(server ?? "");
		const pool = await openPool(url, 1);
		// Another database: in this one, most statements wait for the lock.
		const admin = connectionTo(server ?? "");
		/** Backends that wait to read the types. */
		const asking = () => admin<{ pid: number }[]>`
			SELECT pid FROM pg_stat_activity WHERE datname = ${new URL(url).pathname.slice(1)}
				AND wait_event_type = 'Lock' AND query LIKE '%typcategory = ''A''%'`;
		const locker = connectionTo(url);
		await locker.unsafe("BEGIN; LOCK TABLE pg_catalog.pg_type IN ACCESS EXCLUSIVE MODE");

		const names = pool.run(() => pool.sql`SELECT ARRAY['a', 'b'] AS names`);
		let waiting = await asking();
		while (waiting.length === 0) waiting = await asking();
		await admin`SELECT pg_terminate_backend(${waiting[0]?.pid ?? 0})`;
		while ((await asking()).some(({ pid }) => pid === waiting[0]?.pid));
		await locker.unsafe("ROLLBACK");
		// A rejection that nobody handles would fail the test as well.
		expect([...(await names)]).toEqual([{ names: ["a", "b"] }]);
	});
});
