import { newEpoch } from "../log-epoch.ts";
import type { Sql, Tx } from "./connection.ts";
import { sqlState } from "./errors.ts";

/** The setting that holds the name of the database in which the log was last written. */
const setting = "log_home";

/**
 * Begins a new life of the log in a database that is not the one in which the log was last written, but came from its
 * dump, its template or an older state of its server. Of many processes at once one does it.
 */
export async function beginEpochOfCopy(sql: Sql): Promise<void> {
	const home = await nameOf(sql);
	if ((await lastHome(sql)) === home) return;
	await sql.begin(async (tx) => {
		const [head] = await tx<{ rev: number }[]>`SELECT rev FROM log_head WHERE one = 1 FOR UPDATE`;
		const last = await lastHome(tx);
		if (last === home) return;
		if (last !== undefined) await begin(tx, head?.rev ?? 0);
		await tx`INSERT INTO settings (name, value) VALUES (${setting}, ${home})
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
	});
}

async function lastHome(sql: Sql | Tx): Promise<string | undefined> {
	const [kept] = await sql<{ value: string }[]>`SELECT value FROM settings WHERE name = ${setting}`;
	return kept?.value;
}

/**
 * A restored dump has other object numbers, an upgraded or rebuilt server another system identifier, and a server that
 * was brought back to a point in time, or a standby that took over, another timeline.
 */
async function nameOf(sql: Sql): Promise<string> {
	const [objects] = await sql<{ name: string }[]>`
		SELECT oid || '.' || 'log_head'::regclass::oid AS name FROM pg_database WHERE datname = current_database()`;
	return `${await serverName(sql)}.${objects?.name}`;
}

async function serverName(sql: Sql): Promise<string> {
	try {
		const [server] = await sql<{ name: string }[]>`
			SELECT system_identifier || '.' || timeline_id AS name FROM pg_control_system(), pg_control_checkpoint()`;
		return server?.name ?? "";
	} catch (error) {
		// Some who rent out databases keep these functions to themselves; the object numbers must do there.
		if (/^(42501|0A000)$/.test(sqlState(error) ?? "")) return "";
		throw error;
	}
}

async function begin(tx: Tx, last: number): Promise<void> {
	const { rev, fenceMin, tokenGenerationMin } = newEpoch(last, Date.now());
	await tx`TRUNCATE events`;
	await tx`UPDATE log_head SET rev = ${rev}::bigint, purged_rev = ${rev}::bigint`;
	await tx`UPDATE revisions SET rev = ${rev}::bigint`;
	await tx`UPDATE jobs SET fence = GREATEST(fence + 1, ${fenceMin}::bigint) WHERE state <> 'succeeded'`;
	await tx`UPDATE users SET token_generation = GREATEST(token_generation + 1, ${tokenGenerationMin}::bigint)`;
}
