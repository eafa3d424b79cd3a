import type { JobKey, JobReadSet, JobRow } from "../../../jobs/store.ts";
import { leaseOrder } from "../../collections/jobs.ts";
import { databaseNow } from "../clock.ts";
import type { Sql, Tx } from "../connection.ts";

/** One statement for each kind of read, and for each set of queues that units of the group lease from. */
export function fetchStatements(tx: Tx, readSets: readonly JobReadSet[]): PromiseLike<JobRow[]>[] {
	const statements: PromiseLike<JobRow[]>[] = [];
	const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
	if (ids.length > 0)
		statements.push(tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs WHERE id = ANY(${ids}::uuid[])`);
	const keys = readSets.flatMap((readSet) => readSet.keys ?? []);
	if (keys.length > 0) statements.push(unfinished(tx, keys));
	const rivals = readSets.flatMap((readSet) => readSet.rivalsOf ?? []);
	if (rivals.length > 0) statements.push(rivalsOf(tx, rivals));
	const leases = readSets.flatMap((readSet) => readSet.lease ?? []);
	// The units of a group share the fetched rows: each set is fetched deep enough for all leases, and for the jobs that
	// other units of the group may cancel or take by their id.
	const limit = leases.reduce((sum, lease) => sum + lease.limit, ids.length);
	const sets = new Map(leases.map(({ queues }) => [JSON.stringify([...new Set(queues)].sort()), queues]));
	for (const queues of sets.values()) statements.push(nextToLease(tx, queues, limit));
	const sweep = readSets.reduce((sum, readSet) => sum + (readSet.sweep ?? 0), 0);
	if (leases.length + sweep > 0) statements.push(due(tx, limit + sweep));
	if (sweep > 0) statements.push(expired(tx, sweep));
	return statements;
}

/**
 * The next jobs of some queues: for each queue the first entries of jobs_leasable, which has no ended job, without a sort:
 * Nested Loop → Function Scan on queue, Limit → LockRows → Index Scan using jobs_leasable (queue = queue.name).
 * SKIP LOCKED: the writers hold the log's head one after the other, so only a manual session in psql can have locked a
 * row here, and it must not block the others.
 */
export function nextToLease(sql: Sql | Tx, queues: readonly string[], limit: number) {
	return sql<JobRow[]>`
		SELECT ${columns(sql)} FROM unnest(${[...new Set(queues)]}::text[]) AS queue (name)
		CROSS JOIN LATERAL (
			SELECT * FROM jobs WHERE jobs.queue = queue.name AND state = 'queued'
			ORDER BY ${sql.unsafe(leaseOrder)} LIMIT ${limit} FOR UPDATE SKIP LOCKED) AS job
		ORDER BY ${sql.unsafe(leaseOrder)} LIMIT ${limit}`;
}

function due(tx: Tx, limit: number) {
	return tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs
		WHERE state = 'scheduled' AND run_at <= ${databaseNow(tx)}
		ORDER BY run_at LIMIT ${limit}`;
}

function expired(tx: Tx, limit: number) {
	return tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs
		WHERE state = 'leased' AND lease_expires_at <= ${databaseNow(tx)}
		ORDER BY lease_expires_at LIMIT ${limit}`;
}

function unfinished(tx: Tx, keys: readonly JobKey[]) {
	return tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs
		JOIN unnest(
			${keys.map(({ queue }) => queue)}::text[],
			${keys.map(({ uniqueKey }) => uniqueKey)}::text[]) AS wanted (queue, unique_key) USING (queue, unique_key)
		WHERE unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled')`;
}

function rivalsOf(tx: Tx, ids: readonly string[]) {
	return tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs
		WHERE (queue, unique_key) IN (SELECT queue, unique_key FROM jobs WHERE id = ANY(${ids}::uuid[]))
			AND unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled')`;
}

export function columns(sql: Sql | Tx) {
	return sql`id, queue, kind, payload, priority, state, attempt, max_attempts AS "maxAttempts", fence,
		settled_fence AS "settledFence", run_at AS "runAt", unique_key AS "uniqueKey", worker,
		lease_expires_at AS "leaseExpiresAt", lease_seconds AS "leaseSeconds", progress, result, error,
		created_at AS "createdAt", updated_at AS "updatedAt"`;
}

export function insert(tx: Tx, rows: readonly JobRow[]): PromiseLike<unknown> {
	return tx`INSERT INTO jobs (id, queue, kind, payload, priority, state, attempt, max_attempts, fence, settled_fence,
			run_at, unique_key, worker, lease_expires_at, lease_seconds, progress, result, error, created_at, updated_at)
		SELECT * FROM unnest(
			${rows.map(({ id }) => id)}::uuid[],
			${rows.map(({ queue }) => queue)}::text[],
			${rows.map(({ kind }) => kind)}::text[],
			${rows.map(({ payload }) => payload)}::text[],
			${rows.map(({ priority }) => priority)}::integer[],
			${rows.map(({ state }) => state)}::text[],
			${rows.map(({ attempt }) => attempt)}::integer[],
			${rows.map(({ maxAttempts }) => maxAttempts)}::integer[],
			${rows.map(({ fence }) => fence)}::bigint[],
			${rows.map(({ settledFence }) => settledFence)}::bigint[],
			${rows.map(({ runAt }) => runAt)}::bigint[],
			${rows.map(({ uniqueKey }) => uniqueKey)}::text[],
			${rows.map(({ worker }) => worker)}::text[],
			${rows.map(({ leaseExpiresAt }) => leaseExpiresAt)}::bigint[],
			${rows.map(({ leaseSeconds }) => leaseSeconds)}::integer[],
			${rows.map(({ progress }) => progress)}::double precision[],
			${rows.map(({ result }) => result)}::text[],
			${rows.map(({ error }) => error)}::text[],
			${rows.map(({ createdAt }) => createdAt)}::bigint[],
			${rows.map(({ updatedAt }) => updatedAt)}::bigint[])`;
}

export interface JobChange {
	readonly before: JobRow;
	readonly next: JobRow;
}

export function update(tx: Tx, changes: readonly JobChange[]): PromiseLike<{ readonly count: number }> {
	return tx`UPDATE jobs SET
			state = next.state, attempt = next.attempt, fence = next.fence, settled_fence = next.settled_fence,
			run_at = next.run_at, worker = next.worker, lease_expires_at = next.lease_expires_at,
			lease_seconds = next.lease_seconds, progress = next.progress, result = next.result, error = next.error,
			updated_at = next.updated_at
		FROM unnest(
			${changes.map(({ next }) => next.id)}::uuid[],
			${changes.map(({ before }) => before.fence)}::bigint[],
			${changes.map(({ next }) => next.state)}::text[],
			${changes.map(({ next }) => next.attempt)}::integer[],
			${changes.map(({ next }) => next.fence)}::bigint[],
			${changes.map(({ next }) => next.settledFence)}::bigint[],
			${changes.map(({ next }) => next.runAt)}::bigint[],
			${changes.map(({ next }) => next.worker)}::text[],
			${changes.map(({ next }) => next.leaseExpiresAt)}::bigint[],
			${changes.map(({ next }) => next.leaseSeconds)}::integer[],
			${changes.map(({ next }) => next.progress)}::double precision[],
			${changes.map(({ next }) => next.result)}::text[],
			${changes.map(({ next }) => next.error)}::text[],
			${changes.map(({ next }) => next.updatedAt)}::bigint[]) AS next (
				id, before_fence, state, attempt, fence, settled_fence, run_at, worker, lease_expires_at, lease_seconds,
				progress, result, error, updated_at)
		WHERE jobs.id = next.id AND jobs.fence = next.before_fence`;
}
