import type { EventDraft, EventType } from "../event-draft.ts";

/** An event as the log keeps it. */
export interface EventRow extends EventDraft {
	readonly id: number;
}

/** How far the log reaches: it can be read from any number from `purgedRev` to `rev`. */
export interface LogEnds {
	/** The newest event's number; 0 before the first. */
	readonly rev: number;
	/** The newest number that retention has removed, or before which another life of the log was; 0 if none. */
	readonly purgedRev: number;
}

/**
 * A database that was restored to an older state goes on with numbers beyond all that were given before: this many at
 * the least. A number so far beyond the newest is of another life of the log, not a slip.
 */
export const epochGap = 2 ** 20;

export interface EventQuery {
	/** The last number already seen. */
	readonly after: number;
	readonly types: readonly EventType[];
	readonly limit: number;
	/** The page ends with the event whose data reaches this sum. */
	readonly bytesMax: number;
}

/** Events in the order of their numbers, and the ends of the log at that moment. */
export interface EventPage extends LogEnds {
	readonly rows: readonly EventRow[];
	/** Everything up to this number has been looked at. Short of `rev` if there may be more. */
	readonly examined: number;
}

/** The log as a database keeps it. Refusals: `unavailable`. */
export interface EventStore {
	ends(): Promise<LogEnds>;
	read(query: EventQuery): Promise<EventPage>;
	/** Removes, of the oldest `limit` events, those from before a time; the answer is how many. One short transaction. */
	purge(before: number, limit: number): Promise<number>;
	/**
	 * Calls when the log may have grown, by whatever process. Only a hint: it may come for nothing and be late, though
	 * by no more than a second. The answer ends it.
	 */
	onChange(listener: () => void): () => void;
}
