import { type Applied, createHistory, pendingMigrations } from "../migrate.ts";
import { embedMigrations } from "../migrations.macro.ts" with { type: "macro" };
import type { Migration } from "../migrations.macro.ts";
import type { Sql, Tx } from "./connection.ts";

const known: readonly Migration[] = embedMigrations("postgres");

/** The key of our advisory lock: any number that nothing else uses in this database. */
export const lockKey = 7_027_160_501;

/**
 * Applies the missing migrations, in one transaction under an advisory lock: when several processes try at once, one of
 * them does it and the others wait. DDL is transactional, so a migration that fails leaves nothing.
 */
export async function migrate(sql: Sql, onMigration: (migration: string) => void): Promise<void> {
	if (await isUpToDate(sql)) return;
	await sql.begin(async (tx) => {
		await tx`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`;
		await tx.unsafe(createHistory);
		for (const migration of pendingMigrations(known, await applied(tx))) {
			await apply(tx, migration);
			onMigration(migration.name);
		}
	});
}

async function isUpToDate(sql: Sql): Promise<boolean> {
	const [history] = await sql`SELECT to_regclass('schema_migrations') AS table`;
	return history?.table !== null && pendingMigrations(known, await applied(sql)).length === 0;
}

async function applied(sql: Sql | Tx): Promise<readonly Applied[]> {
	return sql<Applied[]>`SELECT name, hash FROM schema_migrations`;
}

async function apply(tx: Tx, { name, hash, statements }: Migration): Promise<void> {
	for (const statement of statements) await tx.unsafe(statement);
	await tx`INSERT INTO schema_migrations (name, hash, applied_at) VALUES (${name}, ${hash}, ${Date.now()})`;
}
