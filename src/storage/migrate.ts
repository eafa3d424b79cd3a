import { StartupError } from "../kernel/errors.ts";
import type { Migration } from "./migrations.macro.ts";

/** A migration that the database has recorded. */
export interface Applied {
	readonly name: string;
	readonly hash: string;
}

/** The table of applied migrations, by name and hash. Not by time stamp: a migration may be merged after one that was generated later. */
export const createHistory =
	"CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY NOT NULL, hash text NOT NULL, applied_at bigint NOT NULL)";

/**
 * The migrations that are still to be applied, oldest first. Throws `StartupError` for a database that a newer
 * version has migrated, or in which an applied migration differs from this program's.
 */
export function pendingMigrations(
	known: readonly Migration[],
	applied: readonly Applied[],
): readonly Migration[] {
	const knownByName = new Map(known.map((migration) => [migration.name, migration]));
	for (const { name, hash } of applied) {
		const same = knownByName.get(name);
		if (same === undefined) {
			const newest = known.at(-1)?.name ?? "nothing";
			throw new StartupError(
				`The database is newer than this program: it has the migration ${name}, and this program ends at ${newest}. Start the newer version.`,
			);
		}
		if (same.hash !== hash)
			throw new StartupError(`The migration ${name} in the database is not this program's.`);
	}
	const done = new Set(applied.map(({ name }) => name));
	return known.filter(({ name }) => !done.has(name));
}
