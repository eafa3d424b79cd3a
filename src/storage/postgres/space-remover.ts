import { defaultSpace, type SpaceId } from "../../kernel/space.ts";
import type { Tx } from "./connection.ts";
import type { Pool } from "./pool.ts";

/**
 * Removes what deleted spaces have left: at most `limit` rows of each table in one transaction. The newest space keeps
 * its own row, so that no id is given twice. Returns false if nothing was left.
 */
export function spaceRemover(pool: Pool, tables: readonly string[]): (limit: number) => Promise<boolean> {
	/** How many rows were removed. */
	async function removeOf(tx: Tx, id: SpaceId, limit: number): Promise<number> {
		const removed = await Promise.all(
			tables.map(
				(table) => tx`DELETE FROM ${tx(table)} WHERE ctid IN (
					SELECT ctid FROM ${tx(table)} WHERE space = ${id} AND space <> ${tx.unsafe(String(defaultSpace))}
					LIMIT ${limit})`,
			),
		);
		return removed.reduce((sum, { count }) => sum + count, 0);
	}

	/** Locks the log's head, as every change does that these rows could be part of. */
	async function removeSome(tx: Tx, limit: number): Promise<boolean> {
		await tx`SELECT rev FROM log_head WHERE one = 1 FOR UPDATE`;
		const deleted = await tx<
			{ id: SpaceId }[]
		>`SELECT id FROM spaces WHERE deleted_at IS NOT NULL ORDER BY id`;
		for (const { id } of deleted) {
			if ((await removeOf(tx, id, limit)) > 0) return true;
			await tx`DELETE FROM spaces WHERE id = ${id} AND id < (SELECT max(id) FROM spaces)`;
		}
		return false;
	}

	return async (limit) => {
		const some = await pool.query(() => pool.sql`SELECT FROM spaces WHERE deleted_at IS NOT NULL LIMIT 1`);
		return some.length > 0 && (await pool.query(() => pool.begin((tx) => removeSome(tx, limit))));
	};
}
