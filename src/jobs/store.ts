import type { ChangeContext } from "../kernel/change-context.ts";
import type { IdempotentRequest } from "../kernel/idempotency.ts";
import type { Lease } from "../kernel/lease.ts";
import { type InSpace, inSpace, isWithin, type SpaceId, type UnitSpace } from "../kernel/space.ts";
import { Collection, requireNamed } from "../kernel/unit-of-work.ts";

export const jobStates = ["cancelled", "dead", "leased", "queued", "scheduled", "succeeded"] as const;
export type JobState = (typeof jobStates)[number];

/** Final states: a job does not leave them by itself. */
export const endStates = ["cancelled", "dead", "succeeded"] as const satisfies readonly JobState[];

/** A job as both databases store it. Times are milliseconds since the epoch on the database's clock. */
export interface JobRow extends Lease, InSpace {
	/** UUIDv7: the order of lists, and of leases with equal priority and `runAt`. */
	readonly id: string;
	readonly queue: string;
	readonly kind: string;
	/** Canonical JSON, as `result` is: sent as it is stored and never parsed again. */
	readonly payload: string;
	readonly priority: number;
	readonly state: JobState;
	/** How many leases it has had since it was enqueued or retried by a client. */
	readonly attempt: number;
	readonly maxAttempts: number;
	/** It is not leased before this time. */
	readonly runAt: number;
	readonly uniqueKey: string | null;
	/** The worker that holds the lease: only while leased. */
	readonly worker: string | null;
	/** The progress that the worker last reported in this attempt, 0 to 100. */
	readonly progress: number | null;
	readonly result: string | null;
	/** Why the last attempt failed. */
	readonly error: string | null;
	readonly createdAt: number;
	/** The time of the newest change; it stays the same when a scheduled job becomes due. */
	readonly updatedAt: number;
}

/** How many jobs of a queue are in each state; updated by the transactions that change them. */
export type JobCounts = { readonly [State in JobState]: number } & QueueName;

/** Which jobs a unit reads. */
export interface JobReadSet {
	readonly ids?: readonly string[];
	/** Unfinished jobs by their key. */
	readonly keys?: readonly JobKey[];
	/** The unfinished job that has the same key as this one. */
	readonly rivalsOf?: string;
	/** The jobs that come first in lease order. */
	readonly lease?: LeaseReadSet;
	/** At most so many leases that have expired, and so many scheduled jobs that are due. */
	readonly sweep?: number;
}

/** A queue; each space has its own. */
export interface QueueName extends InSpace {
	readonly queue: string;
}

export interface JobKey extends QueueName {
	readonly uniqueKey: string;
}

export interface LeaseReadSet extends InSpace {
	readonly queues: readonly string[];
	readonly limit: number;
}

export interface JobRows {
	find(id: string): JobRow | undefined;
	/** The job with this key that is scheduled, queued or leased: there is at most one. */
	findUnfinished(key: JobKey): JobRow | undefined;
	/** Jobs that may be leased, in lease order: queued ones, and scheduled ones that are due. */
	leasable(lease: LeaseReadSet, now: number): readonly JobRow[];
	/** Scheduled jobs that are due. */
	due(limit: number, now: number): readonly JobRow[];
	/** Leased jobs whose lease has expired. */
	expired(limit: number, now: number): readonly JobRow[];
	insert(row: JobRow): void;
	/** Updates the row only if its fence is the one in `current`; anything else is a defect and ends the transaction. */
	update(current: JobRow, next: JobRow): void;
}

export const jobs = new Collection<JobReadSet, JobRows>({
	name: "jobs",
	nothing: {},
	narrow: (rows, readSet, space) => new NamedJobs(rows, readSet, space),
});

/** Jobs as far as a read set names them. */
class NamedJobs implements JobRows {
	/** Jobs that were found by their place in a queue, not by their id. */
	readonly #found = new Set<string>();
	#keys: ReadonlySet<string> | undefined;

	constructor(
		private readonly rows: JobRows,
		private readonly readSet: JobReadSet,
		private readonly space: UnitSpace,
	) {}

	find(id: string): JobRow | undefined {
		requireNamed(this.#namesId(id), "a job");
		return inSpace(this.space, this.rows.find(id));
	}

	findUnfinished(key: JobKey): JobRow | undefined {
		const { keys = [], rivalsOf } = this.readSet;
		// A batch may name a thousand.
		this.#keys ??= new Set(keys.map(textOfKey));
		const rival = rivalsOf === undefined ? undefined : this.rows.find(rivalsOf);
		const isNamed = this.#keys.has(textOfKey(key)) || (rival !== undefined && hasKey(rival, key));
		requireNamed(isNamed && isWithin(this.space, key), "a job's key");
		return this.rows.findUnfinished(key);
	}

	leasable(lease: LeaseReadSet, now: number): readonly JobRow[] {
		requireNamed(lease === this.readSet.lease && isWithin(this.space, lease), "jobs to lease");
		return this.#remember(this.rows.leasable(lease, now));
	}

	due(limit: number, now: number): readonly JobRow[] {
		requireNamed((this.readSet.sweep ?? -1) >= limit, "jobs that are due");
		return this.#remember(this.rows.due(limit, now));
	}

	expired(limit: number, now: number): readonly JobRow[] {
		requireNamed((this.readSet.sweep ?? -1) >= limit, "leases that have run out");
		return this.#remember(this.rows.expired(limit, now));
	}

	insert(row: JobRow): void {
		requireNamed(isWithin(this.space, row), "a job of another space");
		this.rows.insert(row);
	}

	update(current: JobRow, next: JobRow): void {
		requireNamed(this.#namesId(current.id) || this.#found.has(current.id), "a job");
		requireNamed(isWithin(this.space, current) && current.space === next.space, "a job of another space");
		this.rows.update(current, next);
	}

	#namesId(id: string): boolean {
		return this.readSet.ids?.includes(id) ?? false;
	}

	#remember(found: readonly JobRow[]): readonly JobRow[] {
		for (const { id } of found) this.#found.add(id);
		return found;
	}
}

/** A key as one text, for maps and sets: no part has a NUL. */
export function textOfKey({ uniqueKey, ...queue }: JobKey): string {
	return `${textOfQueue(queue)}\0${uniqueKey}`;
}

/** A queue as one text, for maps and sets. */
export function textOfQueue({ space, queue }: QueueName): string {
	return `${space} ${queue}`;
}

function hasKey(job: JobRow, { space, queue, uniqueKey }: JobKey): boolean {
	return job.space === space && job.queue === queue && job.uniqueKey === uniqueKey;
}

/** Whether `a` is leased before `b`. Storage has the same order in SQL. */
export function byLeaseOrder(a: LeaseOrder, b: LeaseOrder): number {
	return b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : 1);
}

type LeaseOrder = Pick<JobRow, "id" | "priority" | "runAt">;

/** A job as requested, validated. */
export interface JobDraft {
	readonly kind: string;
	/** Canonical JSON. */
	readonly payload: string;
	readonly queue: string;
	readonly priority: number;
	/** Absent: now. */
	readonly runAt: number | undefined;
	readonly maxAttempts: number;
	readonly uniqueKey: string | undefined;
}

interface Change {
	readonly context: ChangeContext;
}

export interface EnqueueJob extends Change {
	readonly id: string;
	readonly job: JobDraft;
	readonly idempotent: IdempotentRequest | undefined;
}

export interface EnqueueBatch extends Change {
	readonly jobs: readonly { readonly id: string; readonly job: JobDraft }[];
	readonly idempotent: IdempotentRequest | undefined;
}

/** The jobs of a batch, in the order of the request. */
export interface EnqueuedBatch {
	readonly jobs: readonly ChangedJob[];
	readonly replayed: boolean;
}

export interface LeaseJobs extends Change {
	readonly worker: string;
	readonly queues: readonly string[];
	readonly limit: number;
	readonly leaseSeconds: number;
}

export interface JobChange extends Change {
	readonly id: string;
}

export interface FencedChange extends JobChange {
	readonly fence: number;
}

export interface Heartbeat extends FencedChange {
	/** Absent: as long as the lease was requested for. */
	readonly leaseSeconds: number | undefined;
	readonly progress: number | undefined;
}

export interface CompleteJob extends FencedChange {
	/** Canonical JSON. */
	readonly result: string | undefined;
}

export interface FailJob extends FencedChange {
	readonly error: string;
	readonly retry: boolean;
	/** Absent: the backoff, with jitter. */
	readonly retryInSeconds: number | undefined;
}

/** A job after a change: its canonical body, and what wakes waiting workers. */
export interface ChangedJob extends QueueName {
	readonly id: string;
	readonly state: JobState;
	readonly body: string;
}

export interface EnqueuedJob extends ChangedJob {
	/** False if an unfinished job with the same key was returned instead. */
	readonly isNew: boolean;
	readonly replayed: boolean;
}

/** Where the changes of a sweep come from: each is made in the space of its job. */
export type SweepContext = Omit<ChangeContext, "space">;

/** How many jobs of a queue can be leased. */
export interface ReadyQueue extends QueueName {
	readonly count: number;
}

/** The result of a sweep: queues that have work again, and whether there may be more to sweep. */
export interface Swept {
	readonly ready: readonly ReadyQueue[];
	readonly isFull: boolean;
}

export interface JobQuery extends InSpace {
	readonly queue: string | undefined;
	readonly state: JobState | undefined;
	readonly kind: string | undefined;
	readonly limit: number;
	/** The id of the last job already seen. */
	readonly after: string | undefined;
}

export interface JobPage {
	readonly rows: readonly JobRow[];
	/** Whether there are rows after the last one. */
	readonly more: boolean;
}

export interface QueueStats {
	readonly counts: JobCounts;
	/** For how long the oldest queued job has been due. */
	readonly oldestQueuedMs: number | null;
}

/** Jobs in a database. Throws `unavailable`. */
export interface JobStore {
	/** Milliseconds until there is something to sweep; 0 or less if there is now; undefined if nothing will be due. */
	dueInMs(): Promise<number | undefined>;
	/** Which of these queues have queued jobs, and how many. */
	ready(queues: readonly QueueName[]): Promise<readonly ReadyQueue[]>;
	/** Removes at most `limit` jobs that ended before a time of the database's clock; returns how many. */
	purge(before: number, limit: number): Promise<number>;
	find(space: SpaceId, id: string): Promise<JobRow | undefined>;
	/** Those that are there, in the order of the ids. */
	findAll(space: SpaceId, ids: readonly string[]): Promise<readonly JobRow[]>;
	list(query: JobQuery): Promise<JobPage>;
	/** Every queue that has jobs, by space and name. */
	stats(space: UnitSpace): Promise<readonly QueueStats[]>;
}
