import type { JobRow, JobWork } from "../../jobs/store.ts";
import { CountDifferences } from "../job-counts.ts";
import type { JobNeeds } from "../writer.ts";
import type { Sql, Tx } from "./connection.ts";
import { IdentityMap } from "./identity-map.ts";
import { addToCounts } from "./jobs-counts.ts";

/** Rows as a group's changes see them. */
export class JobSet extends IdentityMap<JobRow> implements Pick<JobWork, "jobs" | "now"> {
	/** The seam that the room's changes use. */
	readonly jobs = this;
	/** Jobs by key, among them such as have ended or lost their row since. */
	readonly #idsByKey = new Map<string, Set<string>>();
	#time: number | undefined;

	constructor() {
		super(({ id }) => id);
	}

	/** Everything the units of a group will look at, with all statements in one flight. */
	static async fetch(tx: Tx, needs: readonly JobNeeds[]): Promise<JobSet> {
		const set = new JobSet();
		if (needs.length === 0) return set;
		const [[clock], ...found] = await Promise.all([
			tx<{ now: number }[]>`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`,
			...wanted(tx, needs),
		]);
		set.#time = clock?.now;
		for (const rows of found) set.load(rows);
		return set;
	}

	override load(rows: Iterable<JobRow>): void {
		const loaded = [...rows];
		super.load(loaded);
		for (const row of loaded) this.#index(row);
	}

	now(): number {
		if (this.#time === undefined) throw new Error("a unit that looks at jobs must say so in its needs");
		return this.#time;
	}

	findUnfinished(queue: string, uniqueKey: string): JobRow | undefined {
		for (const id of this.#idsByKey.get(keyOf(queue, uniqueKey)) ?? []) {
			const job = this.find(id);
			if (job !== undefined && isUnfinished(job)) return job;
		}
		return undefined;
	}

	leasable(queues: readonly string[], limit: number, now: number): readonly JobRow[] {
		const isWanted = new Set(queues);
		return [...this.rows()]
			.filter((job) => isWanted.has(job.queue) && (job.state === "queued" || isDue(job, now)))
			.sort((a, b) => b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : 1))
			.slice(0, limit);
	}

	due(limit: number, now: number): readonly JobRow[] {
		return [...this.rows()].filter((job) => isDue(job, now)).slice(0, limit);
	}

	expired(limit: number, now: number): readonly JobRow[] {
		return [...this.rows()].filter((job) => hasRunOut(job, now)).slice(0, limit);
	}

	insert(row: JobRow): void {
		this.#index(row);
		this.put(row);
	}

	update(held: JobRow, next: JobRow): void {
		if (this.find(held.id)?.fence !== held.fence) {
			throw new Error(`job ${held.id} is not under fence ${held.fence} any more`);
		}
		this.put(next);
	}

	write(tx: Tx): PromiseLike<unknown>[] {
		const { inserted, updated } = this.changes();
		const counts = new CountDifferences();
		for (const row of inserted) counts.add(row.queue, row.state, 1);
		const changed = updated.flatMap((next) => {
			const held = this.before(next);
			return held === undefined ? [] : [{ held, next }];
		});
		for (const { held, next } of changed) {
			counts.add(held.queue, held.state, -1);
			counts.add(next.queue, next.state, 1);
		}
		const statements = addToCounts(tx, counts);
		if (changed.length > 0) statements.push(all(changed.length, update(tx, changed)));
		if (inserted.length > 0) statements.push(insert(tx, inserted));
		return statements;
	}

	#index({ id, queue, uniqueKey }: JobRow): void {
		if (uniqueKey === null) return;
		const key = keyOf(queue, uniqueKey);
		const ids = this.#idsByKey.get(key);
		if (ids === undefined) this.#idsByKey.set(key, new Set([id]));
		else ids.add(id);
	}
}

function keyOf(queue: string, uniqueKey: string): string {
	return `${queue}\0${uniqueKey}`;
}

function isUnfinished({ state }: JobRow): boolean {
	return state === "leased" || state === "queued" || state === "scheduled";
}

function isDue({ state, runAt }: JobRow, now: number): boolean {
	return state === "scheduled" && runAt <= now;
}

function hasRunOut({ state, leaseExpiresAt }: JobRow, now: number): boolean {
	return state === "leased" && leaseExpiresAt !== null && leaseExpiresAt <= now;
}

/** One statement for each kind of need, and for each set of queues that workers of the group ask for. */
function wanted(tx: Tx, needs: readonly JobNeeds[]): PromiseLike<JobRow[]>[] {
	const statements: PromiseLike<JobRow[]>[] = [];
	const ids = needs.flatMap((need) => need.ids ?? []);
	if (ids.length > 0)
		statements.push(tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs WHERE id = ANY(${ids}::uuid[])`);
	const keys = needs.flatMap((need) => need.keys ?? []);
	if (keys.length > 0) statements.push(unfinished(tx, keys));
	const rivals = needs.flatMap((need) => need.rivalsOf ?? []);
	if (rivals.length > 0) statements.push(rivalsOf(tx, rivals));
	const leases = needs.flatMap((need) => need.lease ?? []);
	// Units of one group hand the rows out among themselves: each set is fetched deep enough for all of them.
	const limit = leases.reduce((sum, lease) => sum + lease.limit, 0);
	const sets = new Map(leases.map(({ queues }) => [JSON.stringify([...new Set(queues)].sort()), queues]));
	for (const queues of sets.values()) statements.push(nextToLease(tx, queues, limit));
	const sweep = needs.reduce((sum, need) => sum + (need.sweep ?? 0), 0);
	if (leases.length + sweep > 0) statements.push(due(tx, limit + sweep));
	if (sweep > 0) statements.push(expired(tx, sweep));
	return statements;
}

/**
 * The next jobs of some queues. For each queue the front of jobs_leasable, which holds no ended job, without a sort:
 * Nested Loop → Function Scan on queue, Limit → LockRows → Index Scan using jobs_leasable (queue = queue.name).
 * SKIP LOCKED: the writers hold the log's head one after the other, so that nothing is locked here but by somebody's
 * hand in psql, who is not to stop the others.
 */
export function nextToLease(sql: Sql | Tx, queues: readonly string[], limit: number) {
	return sql<JobRow[]>`
		SELECT job.* FROM unnest(${[...new Set(queues)]}::text[]) AS queue (name)
		CROSS JOIN LATERAL (
			SELECT ${columns(sql)} FROM jobs WHERE jobs.queue = queue.name AND state = 'queued'
			ORDER BY priority DESC, run_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED) AS job
		ORDER BY job.priority DESC, job."runAt", job.id LIMIT ${limit}`;
}

function due(tx: Tx, limit: number) {
	return tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs
		WHERE state = 'scheduled' AND run_at <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint
		ORDER BY run_at LIMIT ${limit}`;
}

function expired(tx: Tx, limit: number) {
	return tx<JobRow[]>`SELECT ${columns(tx)} FROM jobs
		WHERE state = 'leased' AND lease_expires_at <= (extract(epoch FROM clock_timestamp()) * 1000)::bigint
		ORDER BY lease_expires_at LIMIT ${limit}`;
}

function unfinished(tx: Tx, keys: NonNullable<JobNeeds["keys"]>) {
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

/** Fails the group unless the statement touched this many rows. */
async function all(expected: number, statement: PromiseLike<{ readonly count: number }>): Promise<void> {
	const { count } = await statement;
	if (count !== expected) throw new Error(`${expected - count} of ${expected} jobs were under another fence`);
}

function insert(tx: Tx, rows: readonly JobRow[]): PromiseLike<unknown> {
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

interface Change {
	readonly held: JobRow;
	readonly next: JobRow;
}

function update(tx: Tx, changes: readonly Change[]): PromiseLike<{ readonly count: number }> {
	return tx`UPDATE jobs SET
			state = next.state, attempt = next.attempt, fence = next.fence, settled_fence = next.settled_fence,
			run_at = next.run_at, worker = next.worker, lease_expires_at = next.lease_expires_at,
			lease_seconds = next.lease_seconds, progress = next.progress, result = next.result, error = next.error,
			updated_at = next.updated_at
		FROM unnest(
			${changes.map(({ next }) => next.id)}::uuid[],
			${changes.map(({ held }) => held.fence)}::bigint[],
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
				id, held_fence, state, attempt, fence, settled_fence, run_at, worker, lease_expires_at, lease_seconds,
				progress, result, error, updated_at)
		WHERE jobs.id = next.id AND jobs.fence = next.held_fence`;
}
