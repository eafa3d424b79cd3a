import type { Database } from "bun:sqlite";
import { StartupError } from "../../kernel/errors.ts";
import { type Applied, createHistory, pendingMigrations } from "../migrate.ts";
import { embedMigrations } from "../migrations.macro.ts" with { type: "macro" };
import type { Migration } from "../migrations.macro.ts";

const known: readonly Migration[] = embedMigrations("sqlite");

/**
 * Applies the missing migrations, in one exclusive transaction: when several processes try at once, one of them does it
 * and the others wait.
 */
export function migrate(database: Database, onMigration: (migration: string) => void): void {
	if (isUpToDate(database)) return;
	// With foreign keys on, a table that drizzle-kit rebuilds would delete its children's rows, and the pragma has no
	// effect inside a transaction: off before, checked after.
	database.run("PRAGMA foreign_keys = OFF");
	database
		.transaction(() => {
			database.run(createHistory);
			for (const migration of pendingMigrations(known, applied(database))) {
				apply(database, migration);
				onMigration(migration.name);
			}
			const broken = database.query("PRAGMA foreign_key_check").all().length;
			if (broken > 0) throw new StartupError(`A migration would leave ${broken} rows without their parent.`);
		})
		.exclusive();
	database.run("PRAGMA foreign_keys = ON");
}

/** Throws `StartupError` for a database that another version has migrated beyond this one. */
export function requireKnown(database: Database): void {
	pendingMigrations(known, applied(database));
}

function isUpToDate(database: Database): boolean {
	const history = database.query("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").get();
	return history !== null && pendingMigrations(known, applied(database)).length === 0;
}

function applied(database: Database): readonly Applied[] {
	return database.query<Applied, []>("SELECT name, hash FROM schema_migrations").all();
}

function apply(database: Database, { name, hash, statements }: Migration): void {
	for (const statement of statements) database.run(statement);
	database.run("INSERT INTO schema_migrations (name, hash, applied_at) VALUES (?, ?, ?)", [
		name,
		hash,
		Date.now(),
	]);
}
