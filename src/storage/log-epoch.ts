import { epochGap } from "../events/store.ts";

/**
 * A database that goes back to an older state begins a new epoch of its log. Otherwise numbers that were assigned after
 * that state would be assigned again, to other events and other leases, and a client could not detect it.
 */
export interface NewEpoch {
	/** The log is empty and continues after this number; all numbers of earlier epochs are below it. */
	readonly rev: number;
	/** The minimum fence of every job that may still be leased: no fence of an earlier epoch stays valid. */
	readonly fenceMin: number;
	/** The minimum token generation of every user: no token of an earlier epoch stays valid. */
	readonly tokenGenerationMin: number;
}

/** More events per millisecond than any log gets, averaged over an epoch. */
const numbersPerMs = 256;

/**
 * The epoch that follows a log whose last number is `rev`. Its numbers begin beyond those of all earlier epochs: they grow
 * with time faster than any log does, and with `rev`, in case the clock was set back. 15 digits until 2093.
 */
export function newEpoch(rev: number, now: number): NewEpoch {
	return {
		rev: Math.max(now * numbersPerMs, rev + epochGap),
		fenceMin: now,
		tokenGenerationMin: Math.floor(now / 1000),
	};
}
