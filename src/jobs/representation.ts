import { timestamp } from "../clock.ts";
import type { JobRow, QueueStats } from "./store.ts";

/**
 * A job's canonical body. The keys stand here in the order that RFC 8785 wants; payload and result are canonical JSON
 * already and go in as they are, so that neither their depth nor their size costs a second look. A test holds it to
 * `canonical()`.
 */
export function jobBody(job: JobRow): string {
	return `{"attempt":${job.attempt},"created_at":"${timestamp(job.createdAt)}"${field("error", job.error)},"id":"${
		job.id
	}","kind":${JSON.stringify(job.kind)}${lease(job)},"max_attempts":${job.maxAttempts},"payload":${
		job.payload
	},"priority":${job.priority}${field("progress", job.progress)},"queue":${JSON.stringify(job.queue)}${
		job.result === null ? "" : `,"result":${job.result}`
	},"run_at":"${timestamp(job.runAt)}","state":"${job.state}","updated_at":"${timestamp(job.updatedAt)}"}`;
}

function field(name: string, value: string | number | null): string {
	return value === null ? "" : `,"${name}":${JSON.stringify(value)}`;
}

function lease({ state, fence, worker, leaseExpiresAt }: JobRow): string {
	if (state !== "leased" || leaseExpiresAt === null) return "";
	return `,"lease":{"expires_at":"${timestamp(leaseExpiresAt)}","fence":${fence},"worker":${JSON.stringify(worker)}}`;
}

/** A list's canonical body, of bodies. */
export function jobListBody(bodies: readonly string[], nextCursor?: string): string {
	const next = nextCursor === undefined ? "" : `,"next_cursor":${JSON.stringify(nextCursor)}`;
	return `{"items":[${bodies.join(",")}],"kind":"jobs"${next}}`;
}

export function statsBody(queues: readonly QueueStats[]): string {
	return `{"items":[${queues.map(queueBody).join(",")}],"kind":"job_stats"}`;
}

function queueBody({ counts, oldestQueuedMs }: QueueStats): string {
	const { queue, cancelled, dead, leased, queued, scheduled, succeeded } = counts;
	const oldest = oldestQueuedMs === null ? null : Math.max(0, oldestQueuedMs) / 1000;
	const states = { cancelled, dead, leased, queued, scheduled, succeeded };
	return JSON.stringify({ oldest_queued_seconds: oldest, queue, states });
}
