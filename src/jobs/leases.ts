import { grantLease, isSettledBy, renewLease, requireLease, settleLease } from "../kernel/lease.ts";
import type { Unit, UnitOfWork } from "../kernel/unit-of-work.ts";
import { backoffMs } from "./backoff.ts";
import { changedJob, changeJob, requireJob, scheduledOrQueued, unheld } from "./changes.ts";
import {
	type ChangedJob,
	type CompleteJob,
	type FailJob,
	type FencedChange,
	type Heartbeat,
	type JobRow,
	jobs,
	type LeaseJobs,
	type QueueName,
	type ReadyQueue,
	type SweepContext,
	type Swept,
	textOfQueue,
} from "./store.ts";

/** The changes of a job between its lease and its end. */

export function leaseJobs({
	worker,
	queues,
	limit,
	leaseSeconds,
	context,
}: LeaseJobs): Unit<readonly ChangedJob[]> {
	const lease = { space: context.space, queues, limit };
	return {
		space: context.space,
		reads: [jobs.reads({ lease })],
		weight: limit,
		decide(work) {
			const now = work.now();
			return work
				.rows(jobs)
				.leasable(lease, now)
				.map((job) => {
					const leased: JobRow = {
						...job,
						...grantLease(job.fence + 1, leaseSeconds, now),
						state: "leased",
						attempt: job.attempt + 1,
						worker,
						progress: null,
						updatedAt: now,
					};
					return changeJob(work, "job.leased", job, leased, context);
				});
		},
	};
}

/** Appends no event: the job's state does not change. */
export function heartbeat(request: Heartbeat): Unit<ChangedJob> {
	return {
		space: request.context.space,
		reads: [jobs.reads({ ids: [request.id] })],
		decide(work) {
			const job = requireLeasedJob(work, request);
			const now = work.now();
			const lease = renewLease(job, request.leaseSeconds, now);
			const next = { ...job, ...lease, progress: request.progress ?? job.progress, updatedAt: now };
			work.rows(jobs).update(job, next);
			return changedJob(next);
		},
	};
}

export function completeJob(request: CompleteJob): Unit<ChangedJob> {
	const { result = null, context } = request;
	return {
		space: request.context.space,
		reads: [jobs.reads({ ids: [request.id] })],
		textLength: result?.length ?? 0,
		decide(work) {
			const found = requireJob(work.rows(jobs).find(request.id));
			if (isSettledBy(found, request.fence) && found.state === "succeeded") return changedJob(found);
			const job = requireLeasedJob(work, request);
			const end = { ...unheld, ...settleLease(job), updatedAt: work.now() };
			const next: JobRow = { ...job, ...end, state: "succeeded", result, error: null };
			return changeJob(work, "job.succeeded", job, next, context);
		},
	};
}

export function failJob(request: FailJob, random: () => number): Unit<ChangedJob> {
	const { error, retry, retryInSeconds, context } = request;
	return {
		space: request.context.space,
		reads: [jobs.reads({ ids: [request.id] })],
		textLength: error.length,
		decide(work) {
			const found = requireJob(work.rows(jobs).find(request.id));
			if (isSettledBy(found, request.fence) && found.state !== "succeeded")
				return changedJob(asFailed(found));
			const job = requireLeasedJob(work, request);
			const now = work.now();
			const ended = { ...job, ...unheld, ...settleLease(job), error, updatedAt: now };
			if (!retry || job.attempt >= job.maxAttempts) {
				return changeJob(work, "job.dead", job, { ...ended, state: "dead" }, context);
			}
			const waitMs = retryInSeconds === undefined ? backoffMs(job.attempt, random) : retryInSeconds * 1000;
			const runAt = now + Math.round(waitMs);
			const next = { ...ended, state: scheduledOrQueued(runAt, now), runAt };
			return changeJob(work, "job.retrying", job, next, context);
		},
	};
}

/** A failed job as its `fail` left it: since then it can only have become due. */
function asFailed(job: JobRow): JobRow {
	return job.state === "queued" ? { ...job, state: scheduledOrQueued(job.runAt, job.updatedAt) } : job;
}

/** `context`: without the space, which is each job's own. */
export function sweepJobs(context: SweepContext, limit: number): Unit<Swept> {
	return {
		space: "every",
		reads: [jobs.reads({ sweep: limit })],
		weight: limit,
		decide(work) {
			const rows = work.rows(jobs);
			const now = work.now();
			const expired = rows.expired(limit, now);
			const due = rows.due(limit, now);
			const queued = [
				...expired.map((job) => putBack(work, job, now, context)).filter(({ state }) => state === "queued"),
				...due,
			];
			for (const job of due) rows.update(job, { ...job, state: "queued" });
			return { ready: readyQueues(queued), isFull: expired.length === limit || due.length === limit };
		},
	};
}

function readyQueues(queued: readonly QueueName[]): readonly ReadyQueue[] {
	const byQueue = Map.groupBy(queued, textOfQueue);
	return [...byQueue.values()].flatMap(([first, ...others]) =>
		first === undefined ? [] : [{ space: first.space, queue: first.queue, count: others.length + 1 }],
	);
}

function putBack(work: UnitOfWork, job: JobRow, now: number, context: SweepContext): ChangedJob {
	const isLast = job.attempt >= job.maxAttempts;
	const error = "The lease ran out.";
	const next: JobRow = { ...job, ...unheld, state: isLast ? "dead" : "queued", error, updatedAt: now };
	const { space } = job;
	return changeJob(work, isLast ? "job.dead" : "job.retrying", job, next, { ...context, space });
}

/** Returns the job if this is its current fence. */
function requireLeasedJob(work: UnitOfWork, { id, fence }: FencedChange): JobRow {
	const job = requireJob(work.rows(jobs).find(id));
	requireLease(job, fence, "job");
	return job;
}
