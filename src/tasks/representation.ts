import { canonicalArray, canonicalObject, represent } from "../kernel/canonical.ts";
import { timestamp } from "../kernel/clock.ts";
import { type TaskRow, type TaskStatus, taskStatuses } from "./store.ts";

/** What a task's body is made of. */
export type TaskFields = Omit<TaskRow, "seq" | "updatedSeq" | "space" | "openBlockers" | "etag">;

/**
 * A task's canonical body. A template literal with the members in the order of RFC 8785, because every change of a task
 * and every page of a list is serialised here; what is canonical in the row goes in as it stands. The characters of ids,
 * ranks, statuses and actors need no escape. A test compares it with `canonical()`.
 */
export function taskBody(row: TaskFields): string {
	return `{"assignee":${JSON.stringify(row.assignee)},"blocked_by":${row.blockedBy},"claimed_by":${JSON.stringify(row.claimedBy)},"created_at":"${timestamp(row.createdAt)}","created_by":${plain(row.createdBy)},"defer_until":${time(row.deferUntil)},"description":${JSON.stringify(row.description)},"due_at":${time(row.dueAt)},"id":"${row.id}","labels":${row.labels},"metadata":${row.metadata},"note":${row.note},"number":${row.number},"parent":${plain(row.parent)},"priority":${row.priority},"rank":"${row.rank}","status":"${row.status}","status_since":"${timestamp(row.statusSince)}","title":${JSON.stringify(row.title)},"updated_at":"${timestamp(row.updatedAt)}","version":${row.version}}`;
}

/** A text without characters that JSON escapes. */
function plain(text: string | null): string {
	return text === null ? "null" : `"${text}"`;
}

function time(milliseconds: number | null): string {
	return milliseconds === null ? "null" : `"${timestamp(milliseconds)}"`;
}

/** A task in a brief list: its body without description and metadata, and with the ETag of the whole. */
export function briefTaskBody(row: TaskRow): string {
	const etag = row.etag ?? represent(taskBody(row)).etag;
	return `{"assignee":${JSON.stringify(row.assignee)},"blocked_by":${row.blockedBy},"claimed_by":${JSON.stringify(row.claimedBy)},"created_at":"${timestamp(row.createdAt)}","created_by":${plain(row.createdBy)},"defer_until":${time(row.deferUntil)},"due_at":${time(row.dueAt)},"etag":${JSON.stringify(etag)},"id":"${row.id}","labels":${row.labels},"note":${row.note},"number":${row.number},"parent":${plain(row.parent)},"priority":${row.priority},"rank":"${row.rank}","status":"${row.status}","status_since":"${timestamp(row.statusSince)}","title":${JSON.stringify(row.title)},"updated_at":"${timestamp(row.updatedAt)}","version":${row.version}}`;
}

/** A list's canonical body. */
export function taskListBody(items: readonly string[], nextCursor: string | undefined): string {
	return canonicalObject({
		items: canonicalArray(items),
		kind: '"tasks"',
		next_cursor: nextCursor === undefined ? undefined : JSON.stringify(nextCursor),
	});
}

/** How many tasks have each status, in the order of a task's life. */
export function taskStatsBody(counts: Readonly<Record<TaskStatus, number>>): string {
	return canonicalObject({
		items: canonicalArray(taskStatuses.map((status) => `{"count":${counts[status]},"status":"${status}"}`)),
		kind: '"task_stats"',
	});
}

/** The canonical body of a batch, of its tasks' canonical bodies. */
export function taskBatchBody(bodies: readonly string[]): string {
	return canonicalObject({ items: canonicalArray(bodies), kind: '"tasks"' });
}
