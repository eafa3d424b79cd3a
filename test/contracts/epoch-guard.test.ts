import { describe, expect, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { epochGap } from "../../src/events/store.ts";
import { openStorage } from "../../src/storage/open.ts";
import { connect } from "../../src/storage/postgres/connection.ts";
import { beginEpochOfCopy, EpochGuard, instanceOf } from "../../src/storage/postgres/log-epoch.ts";
import { durableDatabases } from "../support/databases.ts";
import { silentLog } from "../support/server.ts";
import { onEnd } from "../support/teardown.ts";

const log = await silentLog();
const postgres = durableDatabases.find(({ name }) => name === "Postgres");

/** A database with its schema, and a client of it. */
async function newDatabase() {
	const url = (await postgres?.newUrl()) ?? "";
	const storage = await openStorage(readConfig({ DATABASE_URL: url }, false).database, log);
	await storage.stop();
	const sql = connect({ kind: "postgres", url, poolMax: 4 });
	onEnd(() => sql.end());
	const rev = async () => (await sql<{ rev: number }[]>`SELECT rev FROM log_head`)[0]?.rev ?? -1;
	const pretendRestored = () => sql`UPDATE settings SET value = 'elsewhere' WHERE name = 'log_home'`;
	return { sql, rev, pretendRestored };
}

describe.if(postgres !== undefined)("the guard of the epoch", () => {
	test("knows the server after a check, and leaves a log alone that is where it was written", async () => {
		const { sql, rev } = await newDatabase();
		const guard = new EpochGuard(sql, log);
		expect(guard.instance).toBe(0);
		await guard.check();
		const [server] = await sql<{ isSame: boolean }[]>`
			SELECT ${instanceOf(sql)} = ${guard.instance}::bigint AS "isSame"`;
		expect(server).toEqual({ isSame: true });
		expect(await rev()).toBe(0);
	});

	test("begins one epoch, however many processes check at once", async () => {
		const { sql, rev, pretendRestored } = await newDatabase();
		await pretendRestored();
		await Promise.all(Array.from({ length: 4 }, () => new EpochGuard(sql, log).check()));
		const first = await rev();
		expect(first).toBeGreaterThan(epochGap);
		await new EpochGuard(sql, log).check();
		expect(await rev()).toBe(first);
	});

	test("begins it in a transaction of its caller's, which may fail and leave nothing", async () => {
		const { sql, rev, pretendRestored } = await newDatabase();
		await pretendRestored();
		const begun: boolean[] = [];
		const failing = sql.begin(async (tx) => {
			begun.push(await beginEpochOfCopy(tx, 7));
			throw new Error("no commit");
		});
		expect(await failing.catch(({ message }) => message)).toBe("no commit");
		expect(await rev()).toBe(0);
		await sql.begin(async (tx) => {
			begun.push(await beginEpochOfCopy(tx, 7), await beginEpochOfCopy(tx, 7));
		});
		expect(begun).toEqual([true, true, false]);
		expect(await rev()).toBeGreaterThan(epochGap);
	});
});
