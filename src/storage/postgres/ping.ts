import { getTableName } from "drizzle-orm";
import { StartupError } from "../../kernel/errors.ts";
import { BatchLoader } from "./batch-loader.ts";
import type { Registration } from "./collection.ts";
import type { Sql } from "./connection.ts";
import { readOnly } from "./errors.ts";
import type { Pool } from "./pool.ts";

/** Throws `StartupError` for a database whose encoding lacks most characters. */
export async function requireUtf8(pool: Pool): Promise<void> {
	const [database] = await pool.run(
		() => pool.sql<{ encoding: string }[]>`SELECT current_setting('server_encoding') AS encoding`,
	);
	if (database?.encoding === "UTF8") return;
	throw new StartupError(
		`The database has the encoding ${database?.encoding}, and this program stores text in UTF8: create another database with ENCODING 'UTF8' TEMPLATE template0.`,
	);
}

/**
 * Whether the database can be used: that it answers, takes writes, and has the tables of these collections and the rights
 * on them. Throws `unavailable`. Calls that come while a query is under way share the next one.
 */
export function pingOf(pool: Pool, registered: readonly Registration<unknown>[]): () => Promise<void> {
	const tables = registered.flatMap((registration) => Object.values(registration.tables).map(getTableName));
	const pings = new BatchLoader<"now", void>(() => pool.query(() => requireUsable(pool.sql, tables)));
	return () => pings.load("now");
}

async function requireUsable(sql: Sql, tables: readonly string[]): Promise<void> {
	const [found] = await sql<{ isReadOnly: boolean; unusable: string[] }[]>`
		SELECT current_setting('transaction_read_only') = 'on' AS "isReadOnly", ARRAY(
			SELECT name FROM unnest(${[...tables]}::text[]) AS wanted (name) WHERE to_regclass(name) IS NULL
				OR NOT has_table_privilege(to_regclass(name), 'SELECT')
				OR NOT has_table_privilege(to_regclass(name), 'INSERT, UPDATE')
			ORDER BY name) AS unusable`;
	if (found?.isReadOnly) throw readOnly("the database only reads");
	if (found?.unusable.length === 0) return;
	throw Object.assign(new Error(`not there, or without rights: ${found?.unusable.join(", ")}`), {
		code: "42P01",
	});
}
