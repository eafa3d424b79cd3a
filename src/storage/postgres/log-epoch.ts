import type { Log } from "../../kernel/log.ts";
import { newEpoch } from "../log-epoch.ts";
import type { Registration } from "./collection.ts";
import type { Fragment, Sql, Tx } from "./connection.ts";
import { readOnly, sqlState } from "./errors.ts";
import type { Pool } from "./pool.ts";

/** The setting that holds the name of the database in which the log was last written. */
const setting = "log_home";

/** How long the start of a new epoch may take: it changes every job that is not done, and every user. */
const checkWithinMs = 30_000;

/**
 * Identifies the server that runs a statement by its start time, in microseconds. A restart or a failover changes it.
 * Costs almost nothing, so that any statement may read it or be conditional on it.
 */
export function instanceOf(sql: Sql | Tx): Fragment {
	return sql`(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint`;
}

/**
 * Remembers the server whose log was last checked. Any other one may lack the newest commits, so no event number may be
 * assigned there before the check: it could be assigned twice.
 */
export class EpochGuard {
	#instance = 0;
	#checking: Promise<void> | undefined;

	constructor(
		private readonly pool: Pool,
		private readonly log: Log,
		/** What may hold numbers of earlier epochs. */
		private readonly registered: readonly Registration<unknown>[],
	) {}

	/** The server that was last checked, as `instanceOf` names it; 0 before the first check. */
	get instance(): number {
		return this.#instance;
	}

	/**
	 * Checks the server unless it is the last one checked. Rejects if it does not answer. Not for use inside a
	 * transaction: it takes a connection of the pool.
	 */
	check(): Promise<void> {
		this.#checking ??= this.#compare().finally(() => {
			this.#checking = undefined;
		});
		return this.#checking;
	}

	async #compare(): Promise<void> {
		const { pool } = this;
		const instance = await pool.run(() => runningInstance(pool.sql));
		if (instance === this.#instance) return;
		this.#instance = await pool.run(() => pool.begin((tx) => this.#checkWithin(tx)), checkWithinMs);
	}

	async #checkWithin(tx: Tx): Promise<number> {
		const [server] = await tx<{ instance: number }[]>`SELECT ${instanceOf(tx)} AS instance`;
		if (!(await isHome(tx))) await this.#moveHome(tx);
		return server?.instance ?? 0;
	}

	/**
	 * Begins a new epoch of the log in a database that is not the one in which the log was last written, but came from its
	 * dump, its template or an older state of its server. When several processes try at once, one does it.
	 */
	async #moveHome(tx: Tx): Promise<void> {
		const [head] = await tx<{ rev: number }[]>`SELECT rev FROM log_head WHERE one = 1 FOR UPDATE`;
		const home = await nameOf(tx);
		const last = await lastHome(tx);
		if (last === home) return;
		if (last !== undefined) {
			await begin(tx, head?.rev ?? 0, this.registered);
			this.log.warn("The database came from a copy or an older state: its log begins a new epoch.");
		}
		await tx`INSERT INTO settings (name, value) VALUES (${setting}, ${home})
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
	}
}

/** Throws for a standby, which may lack commits. It may be promoted later, with the same start time. */
async function runningInstance(sql: Sql): Promise<number | undefined> {
	const [server] = await sql<{ instance: number; isStandby: boolean }[]>`
		SELECT ${instanceOf(sql)} AS instance, pg_is_in_recovery() AS "isStandby"`;
	if (server?.isStandby) throw readOnly("the server is a standby");
	return server?.instance;
}

async function isHome(tx: Tx): Promise<boolean> {
	return (await lastHome(tx)) === (await nameOf(tx));
}

async function lastHome(tx: Tx): Promise<string | undefined> {
	const [kept] = await tx<{ value: string }[]>`SELECT value FROM settings WHERE name = ${setting}`;
	return kept?.value;
}

/**
 * A restored dump has other OIDs, an upgraded or rebuilt server another system identifier, and a server that was
 * recovered to a point in time, or a promoted standby, another timeline.
 */
async function nameOf(tx: Tx): Promise<string> {
	const [objects] = await tx<{ name: string }[]>`
		SELECT oid || '.' || 'log_head'::regclass::oid AS name FROM pg_database WHERE datname = current_database()`;
	return `${await serverName(tx)}.${objects?.name}`;
}

/** The timeline is that of the newest WAL: the control file has the old one until the next checkpoint. */
async function serverName(tx: Tx): Promise<string> {
	try {
		const [server] = await tx.savepoint(
			(nested) => nested<{ name: string }[]>`
				SELECT system_identifier || '.' || ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS name
				FROM pg_control_system()`,
		);
		return server?.name ?? "";
	} catch (error) {
		// Some hosted databases do not let their users call these functions; there only the OIDs are compared.
		if (/^(42501|0A000)$/.test(sqlState(error) ?? "")) return "";
		throw error;
	}
}

async function begin(tx: Tx, last: number, registered: readonly Registration<unknown>[]): Promise<void> {
	const epoch = newEpoch(last, Date.now());
	const { rev } = epoch;
	await tx`TRUNCATE events`;
	await tx`UPDATE log_head SET rev = ${rev}::bigint, purged_rev = ${rev}::bigint WHERE one = 1`;
	await tx`UPDATE revisions SET rev = ${rev}::bigint`;
	for (const { beginEpoch } of registered) await beginEpoch?.(tx, epoch);
}
