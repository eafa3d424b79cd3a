import type { Rate } from "../config.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";

/** A window after one more request. */
export interface WindowCount {
	/** Requests in the window, this one included. */
	readonly count: number;
	/** Milliseconds until the window ends. */
	readonly resetMs: number;
}

/** Fixed windows, one per key: a window begins with its first request. */
export interface Counter {
	/** Counts one request. No promise where the count is local. */
	hit(key: string, rate: Rate): MaybePromise<WindowCount>;
	stop(): Promise<void>;
}

/** Seconds, rounded up, so that a client that waits that long is not early. */
export function seconds(milliseconds: number): number {
	return Math.max(0, Math.ceil(milliseconds / 1000));
}
