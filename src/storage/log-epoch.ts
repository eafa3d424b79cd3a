import { epochGap } from "../events/store.ts";

/**
 * A database that goes back to an older state begins a new life of its log. Numbers that were given after that state
 * are then given again, to other events and other leases: whoever still holds one must be told so, not served.
 */
export interface NewEpoch {
	/** The log's end, its beginning and where its numbers go on: nothing of an earlier life is at or above it. */
	readonly rev: number;
	/** Every job that may still be leased goes on from here at least: no fence of an earlier life holds anything. */
	readonly fenceMin: number;
	/** Every user's tokens go on from here at least: none of an earlier life is good for anything. */
	readonly tokenGenerationMin: number;
}

/** More events a millisecond than a log is ever given, on the average of a life. */
const numbersPerMs = 256;

/**
 * Where a life begins that follows on `rev`. It grows with the time faster than any log does, so that it lies beyond
 * all that was given before, in whatever life; and with `rev`, in case the clock was set back. 15 digits until 2093.
 */
export function newEpoch(rev: number, now: number): NewEpoch {
	return {
		rev: Math.max(now * numbersPerMs, rev + epochGap),
		fenceMin: now,
		tokenGenerationMin: Math.floor(now / 1000),
	};
}
