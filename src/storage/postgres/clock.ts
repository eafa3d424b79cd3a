import type { Fragment, Sql, Tx } from "./connection.ts";

/** The database's clock, in milliseconds since the epoch: the moment itself, not the transaction's beginning. */
export function databaseNow(sql: Sql | Tx): Fragment {
	return sql`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;
}
