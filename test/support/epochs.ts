import { Database } from "bun:sqlite";
import { collections as ofPostgres } from "../../src/storage/postgres/collections.ts";
import { connect } from "../../src/storage/postgres/connection.ts";
import { EpochGuard } from "../../src/storage/postgres/log-epoch.ts";
import { collections as ofSqlite } from "../../src/storage/sqlite/collections.ts";
import { beginEpochOfCopy, markAsCopy } from "../../src/storage/sqlite/log-epoch.ts";
import { addressOf } from "./postgres.ts";
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
	const sql = connect(addressOf(databaseUrl, 1));
	await sql`UPDATE settings SET value = 'elsewhere' WHERE name = 'log_home'`;
	await new EpochGuard(sql, await silentLog(), Object.values(ofPostgres)).check();
	await sql.end();
}
