import { readConfig } from "../../src/config.ts";
import { type Address, connect } from "../../src/storage/postgres/connection.ts";
import { Pool } from "../../src/storage/postgres/pool.ts";
import { silentLog } from "./server.ts";
import { onEnd } from "./teardown.ts";

/** A Postgres URL as the program reads it. */
export function postgresAddress(
	url: string,
	connectionsMax = 10,
	env: Readonly<Record<string, string>> = {},
): Address {
	const { database } = readConfig(
		{ ...env, DATABASE_URL: url, DATABASE_POOL: String(connectionsMax) },
		false,
	);
	if (database.kind !== "postgres") throw new Error("not a Postgres URL");
	return database;
}

/** The program's connections to a Postgres. Closed at the end of all tests. */
export async function openPool(
	url: string,
	connectionsMax?: number,
	env?: Readonly<Record<string, string>>,
): Promise<Pool> {
	const address = postgresAddress(url, connectionsMax, env);
	const pool = new Pool(() => connect(address), await silentLog());
	onEnd(() => pool.end());
	return pool;
}
