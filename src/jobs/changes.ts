import type { ChangeContext } from "../kernel/change-context.ts";
import { AppError } from "../kernel/errors.ts";
import type { EventType } from "../kernel/event-draft.ts";
import { noLease } from "../kernel/lease.ts";
import type { UnitOfWork } from "../kernel/unit-of-work.ts";
import { jobBody } from "./representation.ts";
import { type ChangedJob, type JobRow, type JobState, jobs } from "./store.ts";

/** What all changes of jobs share. */

/** No worker holds it. */
export const unheld = { worker: null, ...noLease };

export function scheduledOrQueued(runAt: number, now: number): JobState {
	return runAt > now ? "scheduled" : "queued";
}

export function requireJob(job: JobRow | undefined): JobRow {
	if (job === undefined) throw noSuchJob();
	return job;
}

/** Writes the job as it is after the change, and its event. */
export function changeJob(
	work: UnitOfWork,
	type: EventType,
	from: JobRow,
	to: JobRow,
	context: ChangeContext,
): ChangedJob {
	work.rows(jobs).update(from, to);
	return appendJobEvent(work, type, to, context);
}

export function appendJobEvent(
	work: UnitOfWork,
	type: EventType,
	job: JobRow,
	context: ChangeContext,
): ChangedJob {
	const after = changedJob(job);
	work.append({ ...context, type, subject: jobPath(job.id), data: after.body, time: job.updatedAt });
	return after;
}

export function changedJob(job: JobRow): ChangedJob {
	return { id: job.id, space: job.space, queue: job.queue, state: job.state, body: jobBody(job) };
}

export function noSuchJob(): AppError {
	return new AppError("not_found", "There is no such job.");
}

export function jobPath(id: string): string {
	return `/jobs/${id}`;
}
