import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import type { DatabaseAddress } from "../../config.ts";
import { clientOptions } from "./client-options.ts";

/** The 64-bit integers are event numbers and milliseconds: both stay far below 2^53. */
const types = { bigint: { to: 20, from: [20], parse: Number, serialize: String } };

export type Sql = postgres.Sql<{ bigint: number }>;
export type Tx = postgres.TransactionSql<{ bigint: number }>;
/** A part of a statement. */
export type Fragment = postgres.Fragment;
export type Db = PostgresJsDatabase;

export type Address = Extract<DatabaseAddress, { kind: "postgres" }>;

/** The pause before reconnecting. postgres-js waits up to 20 s by default, and queries wait with it. */
export const reconnectSeconds = 0.25;

/**
 * Connections to a server that is no standby; each is opened when it is first needed. Poolers refuse most parameters of a
 * session, so there are none: `Pool.begin` asks for what the program relies on. Without `listens` the pooler may give each
 * transaction another session, so no statement is prepared under a name.
 */
export function connect(address: Address): Sql {
	return postgres({
		...clientOptions(address.server),
		max: address.poolMax,
		backoff: () => reconnectSeconds,
		idle_timeout: 60,
		types,
		prepare: address.listens,
		onnotice() {},
		connection: { application_name: applicationName(address) },
	});
}

export function applicationName({ server }: Address): string {
	return server.applicationName ?? "orchestrator";
}
