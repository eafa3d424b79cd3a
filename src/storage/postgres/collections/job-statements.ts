import type { JobKey, JobReadSet, JobRow, LeaseReadSet } from "../../../jobs/store.ts";
import { leaseOrder } from "../../collections/jobs.ts";
import { databaseNow } from "../clock.ts";
import type { Sql, Tx } from "../connection.ts";
import { TableStatements } from "../table-statements.ts";
import { jobTable } from "./job-tables.ts";

export const jobStatements = new TableStatements(jobTable, {
	key: "id",
	fixed: ["space", "queue", "kind", "payload", "priority", "maxAttempts", "uniqueKey", "createdAt"],
	guard: "fence",
	json: ["payload"],
});

/** One statement for each kind of read, and for each set of queues that units of the group lease from. */
export function fetchStatements(tx: Tx, readSets: readonly JobReadSet[]): PromiseLike<JobRow[]>[] {
	const statements: PromiseLike<JobRow[]>[] = [];
	const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
	if (ids.length > 0)
		statements.push(
			tx<JobRow[]>`SELECT ${jobStatements.columns(tx)} FROM jobs WHERE id = ANY(${ids}::uuid[])`,
		);
	const keys = readSets.flatMap((readSet) => readSet.keys ?? []);
	if (keys.length > 0) statements.push(unfinished(tx, keys));
	const rivals = readSets.flatMap((readSet) => readSet.rivalsOf ?? []);
	if (rivals.length > 0) statements.push(rivalsOf(tx, rivals));
	const leases = readSets.flatMap((readSet) => readSet.lease ?? []);
	// The units of a group share the fetched rows: each set is fetched deep enough for all leases, and for the jobs that
	// other units of the group may cancel or take by their id.
	const limit = leases.reduce((sum, lease) => sum + lease.limit, ids.length);
	const sets = new Map(leases.map((lease) => [textOfLease(lease), lease]));
	for (const lease of sets.values()) statements.push(nextToLease(tx, { ...lease, limit }));
	const sweep = readSets.reduce((sum, readSet) => sum + (readSet.sweep ?? 0), 0);
	if (leases.length + sweep > 0) statements.push(due(tx, limit + sweep));
	if (sweep > 0) statements.push(expired(tx, sweep));
	return statements;
}

/** The same for leases from the same queues. */
function textOfLease({ space, queues }: LeaseReadSet): string {
	return JSON.stringify([space, ...new Set([...queues].sort())]);
}

/**
 * The next jobs of some queues: for each queue the first entries of jobs_leasable, which has no ended job, without a sort:
 * Nested Loop → Function Scan on queue, Limit → LockRows → Index Scan using jobs_leasable (space, queue = queue.name).
 * SKIP LOCKED: the writers hold the log's head one after the other, so only a manual session in psql can have locked a
 * row here, and it must not block the others.
 */
export function nextToLease(sql: Sql | Tx, { space, queues, limit }: LeaseReadSet) {
	return sql<JobRow[]>`
		SELECT ${jobStatements.columns(sql)} FROM unnest(${[...new Set(queues)]}::text[]) AS queue (name)
		CROSS JOIN LATERAL (
			SELECT * FROM jobs WHERE space = ${space} AND jobs.queue = queue.name AND state = 'queued'
			ORDER BY ${sql.unsafe(leaseOrder)} LIMIT ${limit} FOR UPDATE SKIP LOCKED) AS job
		ORDER BY ${sql.unsafe(leaseOrder)} LIMIT ${limit}`;
}

function due(tx: Tx, limit: number) {
	return tx<JobRow[]>`SELECT ${jobStatements.columns(tx)} FROM jobs
		WHERE state = 'scheduled' AND run_at <= ${databaseNow(tx)}
		ORDER BY run_at LIMIT ${limit}`;
}

function expired(tx: Tx, limit: number) {
	return tx<JobRow[]>`SELECT ${jobStatements.columns(tx)} FROM jobs
		WHERE state = 'leased' AND lease_expires_at <= ${databaseNow(tx)}
		ORDER BY lease_expires_at LIMIT ${limit}`;
}

function unfinished(tx: Tx, keys: readonly JobKey[]) {
	return tx<JobRow[]>`SELECT ${jobStatements.columns(tx)} FROM jobs
		JOIN unnest(
			${keys.map(({ space }) => space)}::integer[],
			${keys.map(({ queue }) => queue)}::text[],
			${keys.map(({ uniqueKey }) => uniqueKey)}::text[]) AS wanted (space, queue, unique_key)
			USING (space, queue, unique_key)
		WHERE unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled')`;
}

function rivalsOf(tx: Tx, ids: readonly string[]) {
	return tx<JobRow[]>`SELECT ${jobStatements.columns(tx)} FROM jobs
		WHERE (space, queue, unique_key) IN (SELECT space, queue, unique_key FROM jobs WHERE id = ANY(${ids}::uuid[]))
			AND unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled')`;
}
