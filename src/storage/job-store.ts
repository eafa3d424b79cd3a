import {
	cancelJob,
	completeJob,
	enqueueBatch,
	enqueueJob,
	failJob,
	heartbeat,
	leaseJobs,
	retryJob,
	sweepJobs,
} from "../jobs/changes.ts";
import type { JobStore, JobWork } from "../jobs/store.ts";
import type { JobNeeds, Writer } from "./writer.ts";

/** What each database does its own way: reads, and the removal of rows that nobody changes any more. */
export type JobReads = Pick<JobStore, "find" | "list" | "stats" | "ready" | "dueInMs" | "purge">;

/** Jobs in either database: changes are units for its writer, and what they mean is decided in the room. */
export function jobStore(writer: Writer, reads: JobReads, random: () => number = Math.random): JobStore {
	function change<T>(jobs: JobNeeds, apply: (work: JobWork) => T, weight = 1): Promise<T> {
		return writer.run({ needs: { jobs }, apply, weight });
	}

	return {
		...reads,
		enqueue: (asked) =>
			writer.run({
				needs: {
					jobs: { keys: keysOf([asked]) },
					...(asked.idempotent && { answers: [asked.idempotent] }),
				},
				apply: (work) => enqueueJob(work, asked),
			}),
		enqueueBatch: (asked) =>
			change({ keys: keysOf(asked.jobs) }, (work) => enqueueBatch(work, asked), asked.jobs.length),
		lease: (asked) => change({ lease: asked }, (work) => leaseJobs(work, asked), asked.limit),
		heartbeat: (asked) => change({ ids: [asked.id] }, (work) => heartbeat(work, asked)),
		complete: (asked) => change({ ids: [asked.id] }, (work) => completeJob(work, asked)),
		fail: (asked) => change({ ids: [asked.id] }, (work) => failJob(work, asked, random)),
		cancel: (asked) => change({ ids: [asked.id] }, (work) => cancelJob(work, asked)),
		retry: (asked) => change({ ids: [asked.id], rivalsOf: asked.id }, (work) => retryJob(work, asked)),
		sweep: (requestId, limit) => change({ sweep: limit }, (work) => sweepJobs(work, requestId, limit), limit),
	};
}

interface Keyed {
	readonly job: { readonly queue: string; readonly uniqueKey: string | undefined };
}

function keysOf(asked: readonly Keyed[]): NonNullable<JobNeeds["keys"]> {
	return asked.flatMap(({ job: { queue, uniqueKey } }) =>
		uniqueKey === undefined ? [] : [{ queue, uniqueKey }],
	);
}
