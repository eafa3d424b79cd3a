import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import type { DatabaseAddress } from "../../config.ts";
import { clientOptions } from "./client-options.ts";
import { answerWithinMs } from "./errors.ts";

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

/** A pool of connections; each is opened when it is first needed. */
export function connect({ server, poolMax }: Address): Sql {
	return postgres({
		...clientOptions(server),
		max: poolMax,
		backoff: () => reconnectSeconds,
		idle_timeout: 60,
		types,
		onnotice() {},
		connection: {
			application_name: server.applicationName ?? "orchestrator",
			statement_timeout: answerWithinMs,
		},
	});
}
