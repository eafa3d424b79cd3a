import type { Database } from "bun:sqlite";
import { defaultSpace, type SpaceId } from "../../kernel/space.ts";
import type { RunUnit } from "../../kernel/unit-of-work.ts";

/**
 * Removes what deleted spaces have left: at most `limit` rows of each table in one transaction. The newest space keeps
 * its own row, so that no id is given twice. Returns false if nothing was left.
 */
export function spaceRemover(
	database: Database,
	run: RunUnit,
	tables: readonly string[],
): (limit: number) => Promise<boolean> {
	const deleted = database.query<{ id: SpaceId }, []>(
		"SELECT id FROM spaces WHERE deleted_at IS NOT NULL ORDER BY id",
	);

	/** How many rows were removed. */
	function removeOf(id: SpaceId, limit: number): number {
		return tables.reduce((count, table) => {
			// The condition on `default` lets SQLite use an index of other spaces alone.
			const some = `SELECT rowid FROM ${table} WHERE space = ?1 AND space <> ${defaultSpace} LIMIT ?2`;
			return count + database.run(`DELETE FROM ${table} WHERE rowid IN (${some})`, [id, limit]).changes;
		}, 0);
	}

	function removeSome(limit: number): boolean {
		for (const { id } of deleted.all()) {
			if (removeOf(id, limit) > 0) return true;
			database.run("DELETE FROM spaces WHERE id = ? AND id < (SELECT max(id) FROM spaces)", [id]);
		}
		return false;
	}

	return (limit) => run({ reads: [], decide: () => removeSome(limit) });
}
