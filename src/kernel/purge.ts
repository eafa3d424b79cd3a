import type { MaybePromise } from "./maybe-promise.ts";
import { SteadyClock } from "./steady-clock.ts";

/** Rows that are removed in one transaction: writers wait no longer than that takes. */
const batchMax = 500;
const pauseMsMax = 60_000;
const pauseMsMin = 1000;
/** How long a clock must have run steadily before rows are removed on its word; for short retentions a tenth of them. */
const steadyMsMax = 600_000;

export interface PurgeOptions {
	/** The clock by which the rows' times were taken. */
	readonly clock: () => MaybePromise<number>;
	/** Removes at most `limit` rows from before a time; returns how many. */
	purge(before: number, limit: number): Promise<number>;
	readonly retentionMs: number;
	/** What has really passed, in milliseconds. */
	readonly monotonic?: () => number;
}

/**
 * A round of a `Repeater` that removes what is older than `retentionMs`, a batch at a time. After a full batch the next
 * one follows as soon as writers have had their turn. A clock that was just set, or of a machine that has just started,
 * may be days ahead, and what is removed is lost: nothing is removed before the clock has proved steady.
 */
export function purgeRound({ clock, purge, retentionMs, monotonic }: PurgeOptions): () => Promise<number> {
	const pauseMs = Math.min(pauseMsMax, Math.max(pauseMsMin, retentionMs / 10));
	const steady = new SteadyClock(Math.min(steadyMsMax, retentionMs / 10), monotonic);
	return async () => {
		// The moment that is judged is the one that is used: a jump in between removes nothing.
		const now = await clock();
		const remainingMs = steady.remainingMs(now);
		if (remainingMs > 0) return Math.min(remainingMs, pauseMs);
		return (await purge(Math.floor(now - retentionMs), batchMax)) === batchMax ? 1 : pauseMs;
	};
}
