import { type Applied, createHistory, pendingMigrations } from "../migrate.ts";
import { embedMigrations } from "../migrations.macro.ts" with { type: "macro" };
import type { Migration } from "../migrations.macro.ts";
import type { Sql, Tx } from "./connection.ts";
import type { Pool } from "./pool.ts";

const known: readonly Migration[] = embedMigrations("postgres");

/** The key of our advisory lock: any number that nothing else uses in this database. */
export const lockKey = 7_027_160_501;

/** How long a migration may take, and wait for another process that migrates. */
const migrateWithinMs = 600_000;

/**
 * Applies the missing migrations, in one transaction under an advisory lock: when several processes try at once, one of
 * them does it and the others wait. DDL is transactional, so a migration that fails leaves nothing.
 */
export async function migrate(pool: Pool, onMigration: (migration: string) => void): Promise<void> {
	if (await pool.run(() => isUpToDate(pool.sql))) return;
	const done = await pool.run(() => pool.begin(applyMissing), migrateWithinMs);
	for (const name of done) onMigration(name);
}

/** Returns the names of those that it applied. */
async function applyMissing(tx: Tx): Promise<readonly string[]> {
	await tx`SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`;
	await tx`SELECT pg_advisory_xact_lock(${lockKey}::bigint)`;
	await tx.unsafe(createHistory);
	const missing = pendingMigrations(known, await applied(tx));
	for (const migration of missing) await apply(tx, migration);
	return missing.map(({ name }) => name);
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
