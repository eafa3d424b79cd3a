import { canonicalArray, canonicalObject } from "../kernel/canonical.ts";
import { timestamp } from "../kernel/clock.ts";
import type { JobRow, QueueStats } from "./store.ts";

/**
 * A job's canonical body. Payload and result are canonical JSON already and are inserted unchanged, so neither their depth
 * nor their size costs a second pass. A test compares it with `canonical()`.
 */
export function jobBody(job: JobRow): string {
	return canonicalObject({
		attempt: String(job.attempt),
		created_at: time(job.createdAt),
		error: unlessNull(job.error),
		id: `"${job.id}"`,
		kind: JSON.stringify(job.kind),
		lease: lease(job),
		max_attempts: String(job.maxAttempts),
		payload: job.payload,
		priority: String(job.priority),
		progress: unlessNull(job.progress),
		queue: JSON.stringify(job.queue),
		result: job.result ?? undefined,
		run_at: time(job.runAt),
		state: `"${job.state}"`,
		updated_at: time(job.updatedAt),
	});
}

function lease({ state, fence, worker, leaseExpiresAt }: JobRow): string | undefined {
	if (state !== "leased" || leaseExpiresAt === null) return undefined;
	return canonicalObject({
		expires_at: time(leaseExpiresAt),
		fence: String(fence),
		worker: JSON.stringify(worker),
	});
}

function time(milliseconds: number): string {
	return `"${timestamp(milliseconds)}"`;
}

function unlessNull(value: string | number | null): string | undefined {
	return value === null ? undefined : JSON.stringify(value);
}

/** A list's canonical body, from canonical bodies. */
export function jobListBody(bodies: readonly string[], nextCursor?: string): string {
	return canonicalObject({
		items: canonicalArray(bodies),
		kind: '"jobs"',
		next_cursor: nextCursor === undefined ? undefined : JSON.stringify(nextCursor),
	});
}

/** The canonical body of a batch, from canonical bodies. */
export function jobBatchBody(bodies: readonly string[]): string {
	return canonicalObject({ items: canonicalArray(bodies) });
}

export function statsBody(queues: readonly QueueStats[]): string {
	return canonicalObject({ items: canonicalArray(queues.map(queueBody)), kind: '"job_stats"' });
}

function queueBody({ counts, oldestQueuedMs }: QueueStats): string {
	const { queue, cancelled, dead, leased, queued, scheduled, succeeded } = counts;
	const oldest = oldestQueuedMs === null ? null : Math.max(0, oldestQueuedMs) / 1000;
	const states = { cancelled, dead, leased, queued, scheduled, succeeded };
	return JSON.stringify({ oldest_queued_seconds: oldest, queue, states });
}
