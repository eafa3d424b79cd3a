import type { Actor } from "../kernel/change-context.ts";
import type { EventDraft, EventType, ReleaseReason } from "../kernel/event-draft.ts";
import type { UnitSpace } from "../kernel/space.ts";

/** An event as the log stores it. */
export interface StoredEvent extends Omit<EventDraft, "actor" | "ready" | "reason" | "expiresAt"> {
	readonly id: number;
	/** Null in events of versions that recorded none. */
	readonly actor: Actor | null;
	/** Whether the task is ready after it, 1 or 0; null in events that have no task's body, and in those of earlier versions. */
	readonly ready: number | null;
	/** Of `task.released` alone. */
	readonly reason: ReleaseReason | null;
	/** Of `task.claimed` alone. */
	readonly expiresAt: number | null;
}

/** An event as it is appended under a number. */
export function numbered(id: number, draft: EventDraft): StoredEvent {
	const { ready, reason = null, expiresAt = null, ...event } = draft;
	return { ...event, id, ready: ready === undefined ? null : Number(ready), reason, expiresAt };
}

/** An event as it is read. */
export interface EventRow extends StoredEvent {
	/** The name of its space; null in `default`, and where the space is gone. */
	readonly spaceName: string | null;
}

/** The range of the log: reading can continue from any number between `purgedRev` and `rev`, both included. */
export interface LogRange {
	/** The newest event's number; 0 before the first. */
	readonly rev: number;
	/** The newest number that retention has removed, or that the epoch began with; 0 if none. */
	readonly purgedRev: number;
}

/**
 * A database that went back to an older state begins a new epoch: its numbers continue at least this far beyond all
 * earlier ones. A number so far beyond the newest one belongs to another epoch and is not a client error.
 */
export const epochGap = 2 ** 20;

export interface EventQuery {
	readonly space: UnitSpace;
	/** The last number already seen. */
	readonly after: number;
	readonly types: readonly EventType[];
	/** Events of this task and of its comments alone, whether it is there or not. Any text; what is no id has none. */
	readonly task?: string | undefined;
	readonly limit: number;
	/** The page ends with the event at which the sum of the data reaches this. */
	readonly bytesMax: number;
}

/** Events in the order of their numbers, and the range of the log at that moment. */
export interface EventPage extends LogRange {
	readonly rows: readonly EventRow[];
	/** Everything up to this number has been examined. Less than `rev` if there may be more. */
	readonly examined: number;
}

/** The log in a database. Rejects with `unavailable`. */
export interface EventStore {
	range(): Promise<LogRange>;
	read(query: EventQuery): Promise<EventPage>;
	/** Of the oldest `limit` events, removes those from before a time; returns how many. One short transaction. */
	purge(before: number, limit: number): Promise<number>;
	/**
	 * Calls the listener when any process may have changed the log. Only a hint: it may come without a change, and up to a
	 * second late. Returns the function that unsubscribes.
	 */
	onChange(listener: () => void): () => void;
}
