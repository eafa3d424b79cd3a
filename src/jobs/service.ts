import type { ChangeContext } from "../kernel/change-context.ts";
import { AppError } from "../kernel/errors.ts";
import { idempotencyReads, once } from "../kernel/idempotency.ts";
import type { SpaceId } from "../kernel/space.ts";
import type { RunUnit, Unit, UnitOfWork } from "../kernel/unit-of-work.ts";
import { appendJobEvent, changedJob, changeJob, requireJob, scheduledOrQueued, unheld } from "./changes.ts";
import { completeJob, failJob, heartbeat, leaseJobs, sweepJobs } from "./leases.ts";
import {
	type ChangedJob,
	type CompleteJob,
	type EnqueueBatch,
	type EnqueuedBatch,
	type EnqueuedJob,
	type EnqueueJob,
	endStates,
	type FailJob,
	type Heartbeat,
	type JobChange,
	type JobDraft,
	type JobKey,
	type JobRow,
	type JobStore,
	jobs,
	type LeaseJobs,
	type SweepContext,
	type Swept,
} from "./store.ts";

/**
 * The use cases of jobs. Each is one transaction with its events. Throws `not_found`, `lease_lost`, `conflict`,
 * `idempotency_mismatch`, `unavailable`.
 */
export interface JobService extends JobStore {
	enqueue(change: EnqueueJob): Promise<EnqueuedJob>;
	/** All or none. A repeat gives the same jobs as they are now. */
	enqueueBatch(change: EnqueueBatch): Promise<EnqueuedBatch>;
	/** At most `limit` jobs, each leased only to this worker; empty if there is none. */
	lease(change: LeaseJobs): Promise<readonly ChangedJob[]>;
	heartbeat(change: Heartbeat): Promise<ChangedJob>;
	complete(change: CompleteJob): Promise<ChangedJob>;
	fail(change: FailJob): Promise<ChangedJob>;
	cancel(change: JobChange): Promise<ChangedJob>;
	retry(change: JobChange): Promise<ChangedJob>;
	/** Requeues jobs whose lease has expired, and queues those that are due: at most `limit` of each. */
	sweep(context: SweepContext, limit: number): Promise<Swept>;
}

export function jobService(store: JobStore, run: RunUnit, random: () => number = Math.random): JobService {
	return {
		...store,
		enqueue: (change) => run(enqueueJob(change)),
		enqueueBatch: async (change) => batchAsItIs(store, change.context.space, await run(enqueueJobs(change))),
		lease: (change) => run(leaseJobs(change)),
		heartbeat: (change) => run(heartbeat(change)),
		complete: (change) => run(completeJob(change)),
		fail: (change) => run(failJob(change, random)),
		cancel: (change) => run(cancelJob(change)),
		retry: (change) => run(retryJob(change)),
		sweep: (context, limit) => run(sweepJobs(context, limit)),
	};
}

function enqueueJob({ id, job, idempotent, context }: EnqueueJob): Unit<EnqueuedJob> {
	const { space } = context;
	return {
		space,
		reads: [jobs.reads({ keys: keysOf(space, [job]) }), ...idempotencyReads(idempotent)],
		textLength: textLengthOf(job),
		// A repeat asks for the same queue, or it is another request.
		decide: (work) => ({
			...once(work, idempotent, () => enqueue(work, id, job, context)),
			space,
			queue: job.queue,
		}),
	};
}

/** The jobs that a batch has enqueued; undefined for a repeat. */
interface MadeBatch {
	readonly ids: readonly string[];
	readonly jobs: readonly ChangedJob[] | undefined;
	readonly replayed: boolean;
}

/** Without those that retention has removed since. */
async function batchAsItIs(store: JobStore, space: SpaceId, made: MadeBatch): Promise<EnqueuedBatch> {
	const { ids, jobs: enqueued, replayed } = made;
	return { jobs: enqueued ?? (await store.findAll(space, ids)).map(changedJob), replayed };
}

function enqueueJobs({ jobs: batch, idempotent, context }: EnqueueBatch): Unit<MadeBatch> {
	const drafts = batch.map(({ job }) => job);
	const { space } = context;
	return {
		space,
		reads: [jobs.reads({ keys: keysOf(space, drafts) }), ...idempotencyReads(idempotent)],
		weight: batch.length,
		textLength: drafts.reduce((sum, draft) => sum + textLengthOf(draft), 0),
		decide(work) {
			let enqueued: readonly ChangedJob[] | undefined;
			const made = once(work, idempotent, () => {
				enqueued = batch.map(({ id, job }) => enqueue(work, id, job, context));
				return { ids: enqueued.map(({ id }) => id) };
			});
			return { ...made, jobs: enqueued };
		},
	};
}

function keysOf(space: SpaceId, drafts: readonly JobDraft[]): readonly JobKey[] {
	return drafts.flatMap((draft) => keyOf(space, draft) ?? []);
}

type Keyed = Pick<JobRow, "queue"> & { readonly uniqueKey?: string | null | undefined };

function keyOf(space: SpaceId, { queue, uniqueKey }: Keyed): JobKey | undefined {
	return uniqueKey === undefined || uniqueKey === null ? undefined : { space, queue, uniqueKey };
}

function textLengthOf({ kind, payload }: JobDraft): number {
	return kind.length + payload.length;
}

function enqueue(work: UnitOfWork, id: string, draft: JobDraft, context: ChangeContext) {
	const key = keyOf(context.space, draft);
	const existing = key && work.rows(jobs).findUnfinished(key);
	if (existing !== undefined) return { ...changedJob(existing), isNew: false };
	const job = newJob(context.space, id, draft, work.now());
	work.rows(jobs).insert(job);
	return { ...appendJobEvent(work, "job.enqueued", job, context), isNew: true };
}

function newJob(space: SpaceId, id: string, draft: JobDraft, now: number): JobRow {
	const { kind, payload, queue, priority, runAt = now, maxAttempts, uniqueKey = null } = draft;
	return {
		...{ space, id, queue, kind, payload, priority, runAt, maxAttempts, uniqueKey },
		state: scheduledOrQueued(runAt, now),
		attempt: 0,
		fence: 0,
		settledFence: null,
		...unheld,
		progress: null,
		result: null,
		error: null,
		createdAt: now,
		updatedAt: now,
	};
}

function cancelJob({ id, context }: JobChange): Unit<ChangedJob> {
	return {
		space: context.space,
		reads: [jobs.reads({ ids: [id] })],
		decide(work) {
			const job = requireJob(work.rows(jobs).find(id));
			if (endStates.some((state) => state === job.state)) {
				throw new AppError("conflict", `The job has ended: it is ${job.state}.`);
			}
			const end = { ...unheld, settledFence: null, updatedAt: work.now() };
			return changeJob(work, "job.cancelled", job, { ...job, ...end, state: "cancelled" }, context);
		},
	};
}

function retryJob({ id, context }: JobChange): Unit<ChangedJob> {
	return {
		space: context.space,
		reads: [jobs.reads({ ids: [id], rivalsOf: id })],
		decide(work) {
			const job = requireJob(work.rows(jobs).find(id));
			requireRetriable(work, job);
			const now = work.now();
			const next: JobRow = {
				...job,
				state: "queued",
				attempt: 0,
				settledFence: null,
				runAt: now,
				progress: null,
				error: null,
				updatedAt: now,
			};
			return changeJob(work, "job.retrying", job, next, context);
		},
	};
}

function requireRetriable(work: UnitOfWork, job: JobRow): void {
	if (job.state !== "dead" && job.state !== "cancelled") {
		throw new AppError(
			"conflict",
			`Only a dead or a cancelled job can be retried; this one is ${job.state}.`,
		);
	}
	const key = keyOf(job.space, job);
	if (key !== undefined && work.rows(jobs).findUnfinished(key) !== undefined) {
		throw new AppError("conflict", "Another job with the same unique_key is unfinished.");
	}
}
