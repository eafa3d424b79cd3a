import type { ChangeContext } from "./change-context.ts";

/** Everything that can happen, as clients filter for it. A new kind of change adds its types here. */
export const eventTypes = [
	"task.created",
	"task.updated",
	"task.deleted",
	"task.claimed",
	"task.released",
	"task.completed",
	"task.unblocked",
	"task.commented",
	"task.comment_deleted",
	"job.enqueued",
	"job.leased",
	"job.succeeded",
	"job.retrying",
	"job.dead",
	"job.cancelled",
] as const;
export type EventType = (typeof eventTypes)[number];

export type ReleaseReason = "released" | "expired";

/** An event that is about to be committed with its change. */
export interface EventDraft extends ChangeContext {
	readonly type: EventType;
	/** The path of the resource. */
	readonly subject: string;
	/** The resource after the change (of a deletion: its last state), as canonical JSON. */
	readonly data: string;
	/** Milliseconds since the epoch. */
	readonly time: number;
	/** Of an event that has a task's body: whether the task is ready after it. */
	readonly ready?: boolean;
	/** Of `task.released`: how the claim ended. */
	readonly reason?: ReleaseReason;
	/** Of `task.claimed`: when the claim runs out unless it is renewed, on the database's clock. */
	readonly expiresAt?: number;
}
