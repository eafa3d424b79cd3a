import { AppError } from "../errors.ts";
import type { EventType } from "../events/store.ts";
import { once } from "../http/idempotency.ts";
import { backoffMs } from "./backoff.ts";
import { jobBody } from "./representation.ts";
import type {
	ChangedJob,
	CompleteJob,
	EnqueueBatch,
	EnqueuedJob,
	EnqueueJob,
	FailJob,
	FencedChange,
	Heartbeat,
	JobChange,
	JobDraft,
	JobRow,
	JobState,
	JobWork,
	LeaseJobs,
	Swept,
} from "./store.ts";

/** What each change of a job means, once for both databases; a store runs these inside its transaction. */

export function enqueueJob(work: JobWork, change: EnqueueJob): EnqueuedJob {
	if (change.idempotent === undefined) {
		return { ...enqueue(work, change.id, change.job, change.requestId), replayed: false };
	}
	const { body: answer, replayed } = once(work.answers, change.idempotent, work.now(), () => {
		const { isNew, id, state, body } = enqueue(work, change.id, change.job, change.requestId);
		return `${isNew ? "new" : "old"} ${state} ${id} ${body}`;
	});
	const [, age, state, id = "", body = ""] = /^(\w+) (\w+) (\S+) (.*)$/s.exec(answer) ?? [];
	return { id, queue: change.job.queue, state: state as JobState, body, isNew: age === "new", replayed };
}

export function enqueueBatch(work: JobWork, { jobs, requestId }: EnqueueBatch): readonly ChangedJob[] {
	return jobs.map(({ id, job }) => enqueue(work, id, job, requestId));
}

function enqueue(work: JobWork, id: string, draft: JobDraft, requestId: string) {
	const { queue, uniqueKey } = draft;
	const twin = uniqueKey === undefined ? undefined : work.jobs.findUnfinished(queue, uniqueKey);
	if (twin !== undefined) return { ...changed(twin), isNew: false };
	const job = newJob(id, draft, work.now());
	work.jobs.insert(job);
	return { ...told(work, "job.enqueued", job, requestId), isNew: true };
}

function newJob(id: string, draft: JobDraft, now: number): JobRow {
	const { kind, payload, queue, priority, runAt = now, maxAttempts, uniqueKey = null } = draft;
	return {
		...{ id, queue, kind, payload, priority, runAt, maxAttempts, uniqueKey },
		state: waiting(runAt, now),
		attempt: 0,
		fence: 0,
		settledFence: null,
		...noLease,
		progress: null,
		result: null,
		error: null,
		createdAt: now,
		updatedAt: now,
	};
}

export function leaseJobs(work: JobWork, change: LeaseJobs): readonly ChangedJob[] {
	const { worker, queues, limit, leaseSeconds, requestId } = change;
	const now = work.now();
	return work.jobs.leasable(queues, limit, now).map((job) => {
		const leased: JobRow = {
			...job,
			state: "leased",
			attempt: job.attempt + 1,
			fence: job.fence + 1,
			settledFence: null,
			worker,
			leaseSeconds,
			leaseExpiresAt: now + leaseSeconds * 1000,
			progress: null,
			updatedAt: now,
		};
		return moved(work, "job.leased", job, leased, requestId);
	});
}

/** Not an event: the job stays where it is. */
export function heartbeat(work: JobWork, change: Heartbeat): ChangedJob {
	const job = held(work, change);
	const now = work.now();
	const leaseSeconds = change.leaseSeconds ?? job.leaseSeconds ?? 0;
	const progress = change.progress ?? job.progress;
	const next = { ...job, leaseSeconds, leaseExpiresAt: now + leaseSeconds * 1000, progress, updatedAt: now };
	work.jobs.update(job, next);
	return changed(next);
}

export function completeJob(work: JobWork, change: CompleteJob): ChangedJob {
	const found = existing(work, change.id);
	if (isSettled(found, change.fence) && found.state === "succeeded") return changed(found);
	const job = held(work, change);
	const next: JobRow = {
		...job,
		...noLease,
		state: "succeeded",
		settledFence: job.fence,
		result: change.result ?? null,
		error: null,
		updatedAt: work.now(),
	};
	return moved(work, "job.succeeded", job, next, change.requestId);
}

export function failJob(work: JobWork, change: FailJob, random: () => number): ChangedJob {
	const found = existing(work, change.id);
	if (isSettled(found, change.fence) && found.state !== "succeeded") return changed(asFailed(found));
	const job = held(work, change);
	const now = work.now();
	const ended = { ...job, ...noLease, settledFence: job.fence, error: change.error, updatedAt: now };
	if (!change.retry || job.attempt >= job.maxAttempts) {
		return moved(work, "job.dead", job, { ...ended, state: "dead" }, change.requestId);
	}
	const { retryInSeconds } = change;
	const runAt =
		now + (retryInSeconds === undefined ? backoffMs(job.attempt, random) : Math.round(retryInSeconds * 1000));
	const next = { ...ended, state: waiting(runAt, now), runAt };
	return moved(work, "job.retrying", job, next, change.requestId);
}

/** A failed job as its fail left it: falling due is all that can have happened to it since. */
function asFailed(job: JobRow): JobRow {
	return job.state === "queued" ? { ...job, state: waiting(job.runAt, job.updatedAt) } : job;
}

export function cancelJob(work: JobWork, { id, requestId }: JobChange): ChangedJob {
	const job = existing(work, id);
	if (job.state === "cancelled" || job.state === "dead" || job.state === "succeeded") {
		throw new AppError("conflict", `The job has ended: it is ${job.state}.`);
	}
	const next: JobRow = { ...job, ...noLease, state: "cancelled", settledFence: null, updatedAt: work.now() };
	return moved(work, "job.cancelled", job, next, requestId);
}

export function retryJob(work: JobWork, { id, requestId }: JobChange): ChangedJob {
	const job = existing(work, id);
	if (job.state !== "dead" && job.state !== "cancelled") {
		throw new AppError(
			"conflict",
			`Only a dead or a cancelled job can be retried; this one is ${job.state}.`,
		);
	}
	if (job.uniqueKey !== null && work.jobs.findUnfinished(job.queue, job.uniqueKey) !== undefined) {
		throw new AppError("conflict", "Another job with the same unique_key is unfinished.");
	}
	const now = work.now();
	const again: JobRow = {
		...job,
		state: "queued",
		attempt: 0,
		settledFence: null,
		runAt: now,
		progress: null,
		error: null,
		updatedAt: now,
	};
	return moved(work, "job.retrying", job, again, requestId);
}

export function sweepJobs(work: JobWork, requestId: string, limit: number): Swept {
	const now = work.now();
	const ready = new Map<string, number>();
	const expired = work.jobs.expired(limit, now);
	const due = work.jobs.due(limit, now);
	for (const job of expired) {
		const { state, queue } = putBack(work, job, now, requestId);
		if (state === "queued") ready.set(queue, (ready.get(queue) ?? 0) + 1);
	}
	for (const job of due) {
		work.jobs.update(job, { ...job, state: "queued" });
		ready.set(job.queue, (ready.get(job.queue) ?? 0) + 1);
	}
	return { ready, isFull: expired.length === limit || due.length === limit };
}

function putBack(work: JobWork, job: JobRow, now: number, requestId: string): ChangedJob {
	const isLast = job.attempt >= job.maxAttempts;
	const error = "The lease ran out.";
	const next: JobRow = { ...job, ...noLease, state: isLast ? "dead" : "queued", error, updatedAt: now };
	return moved(work, isLast ? "job.dead" : "job.retrying", job, next, requestId);
}

const noLease = { worker: null, leaseSeconds: null, leaseExpiresAt: null };

function waiting(runAt: number, now: number): JobState {
	return runAt > now ? "scheduled" : "queued";
}

/** Whether the job is still as this fence's complete or fail left it: that call's repeat counts as that call. */
function isSettled({ settledFence }: JobRow, fence: number): boolean {
	return settledFence === fence;
}

/** The job, if this fence holds it. It does so beyond `expires_at`, until the job has really been put back. */
function held(work: JobWork, { id, fence }: FencedChange): JobRow {
	const job = existing(work, id);
	if (job.state === "leased" && job.fence === fence) return job;
	throw new AppError("lease_lost", "This fence does not hold the job any more; drop the work.");
}

function existing(work: JobWork, id: string): JobRow {
	const job = work.jobs.find(id);
	if (job === undefined) throw noSuchJob();
	return job;
}

function moved(work: JobWork, type: EventType, from: JobRow, to: JobRow, requestId: string): ChangedJob {
	work.jobs.update(from, to);
	return told(work, type, to, requestId);
}

function told(work: JobWork, type: EventType, job: JobRow, requestId: string): ChangedJob {
	const after = changed(job);
	work.append({ type, subject: jobPath(job.id), data: after.body, requestId, time: job.updatedAt });
	return after;
}

function changed(job: JobRow): ChangedJob {
	return { id: job.id, queue: job.queue, state: job.state, body: jobBody(job) };
}

export function noSuchJob(): AppError {
	return new AppError("not_found", "There is no such job.");
}

export function jobPath(id: string): string {
	return `/jobs/${id}`;
}
