import { epochGap } from "../events/store.ts";

/**
 * A database that goes back to an older state begins a new epoch of its log. Without it, numbers that were given after
 * that state would be given again, to other events and other leases, and a client could not tell.
 */
export interface NewEpoch {
	/** The log is empty and goes on after this number; all numbers of earlier epochs are below it. */
	readonly rev: number;
	/** The least fence of every job that may still be leased: no fence of an earlier epoch is good. */
	readonly fenceMin: number;
	/** The least token generation of every user: no token of an earlier epoch is good. */
	readonly tokenGenerationMin: number;
}

/** More events a millisecond than any log gets, on the average of an epoch. */
const numbersPerMs = 256;

/**
 * The epoch that follows a log whose last number is `rev`. Its numbers begin beyond those of all earlier epochs: they grow
 * with the time faster than any log does, and with `rev`, in case the clock was set back. 15 digits until 2093.
 */
export function newEpoch(rev: number, now: number): NewEpoch {
	return {
		rev: Math.max(now * numbersPerMs, rev + epochGap),
		fenceMin: now,
		tokenGenerationMin: Math.floor(now / 1000),
	};
}
