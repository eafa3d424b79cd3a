import { Database } from "bun:sqlite";
import { collections as ofPostgres } from "../../src/storage/postgres/collections.ts";
import { EpochGuard } from "../../src/storage/postgres/log-epoch.ts";
import { collections as ofSqlite } from "../../src/storage/sqlite/collections.ts";
import { beginEpochOfCopy, markAsCopy } from "../../src/storage/sqlite/log-epoch.ts";
import { openPool } from "./pool.ts";
import { silentLog } from "./server.ts";

/** Begins a new epoch in the log of a durable database, as another process does after a restore. */
export async function beginEpoch(databaseUrl: string): Promise<void> {
	if (databaseUrl.startsWith("sqlite:")) {
		const database = new Database(databaseUrl.replace("sqlite:///", ""));
		database.run("PRAGMA busy_timeout = 5000");
		markAsCopy(database);
		beginEpochOfCopy(database, Object.values(ofSqlite));
		database.close();
		return;
	}
	const pool = await openPool(databaseUrl, 1);
	await pool.sql`UPDATE settings SET value = 'elsewhere' WHERE name = 'log_home'`;
	await new EpochGuard(pool, await silentLog(), Object.values(ofPostgres)).check();
	await pool.end();
}
