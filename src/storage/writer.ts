import { AppError } from "../errors.ts";
import type { IdempotencyRecords } from "../http/idempotency.ts";
import type { JobWork } from "../jobs/store.ts";
import type { WriteCounts } from "../metrics/store.ts";
import type { TaskWork } from "../tasks/store.ts";

/** What a unit of work sees and does inside its transaction: every room's view of it together. */
export interface Work extends TaskWork, JobWork {
	readonly answers: IdempotencyRecords;
}

/** Rows that a unit will look at. Postgres fetches them for a whole group at once; SQLite reads them in place. */
export interface Needs {
	readonly tasks?: readonly string[];
	readonly answers?: readonly { readonly scope: string; readonly key: string }[];
	readonly jobs?: JobNeeds;
}

export interface JobNeeds {
	readonly ids?: readonly string[];
	/** Unfinished jobs by their key. */
	readonly keys?: readonly { readonly queue: string; readonly uniqueKey: string }[];
	/** The unfinished job that has the same key as this one. */
	readonly rivalsOf?: string;
	readonly lease?: { readonly queues: readonly string[]; readonly limit: number };
	/** So many leases that have run out, and so many scheduled jobs that are due. */
	readonly sweep?: number;
}

/**
 * One change, decided and done inside one transaction. `apply` is synchronous and may throw: then nothing of it
 * stays, while the other units of its group go on.
 */
export interface Unit<T> {
	readonly needs: Needs;
	/** How many rows it may touch; absent: 1, or a few. */
	readonly weight?: number;
	apply(work: Work): T;
}

/** The database's one writer. A unit's promise resolves after its commit is on disk, and never before. */
export interface Writer {
	run<T>(unit: Unit<T>): Promise<T>;
}

/** A unit in the queue, with its promise's two ends. */
export interface Waiting {
	readonly unit: Unit<unknown>;
	resolve(value: unknown): void;
	reject(error: unknown): void;
	/** When waiting ends with `unavailable`, in milliseconds of `performance.now()`. */
	readonly deadline: number;
}

/**
 * The weight of the units that share one commit; more wait for the next, though the first one goes whatever its weight.
 * Bounds the time that a group holds the lock, and the rows that it has in memory.
 */
export const groupMax = 512;
const queueMax = 20_000;
export const waitMsMax = 10_000;

/** Units that wait for the next group. */
export class WriteQueue {
	#waiting: Waiting[] = [];
	#groups = 0;
	#units = 0;

	get counts(): WriteCounts {
		return { waiting: this.#waiting.length, groups: this.#groups, units: this.#units };
	}

	get isEmpty(): boolean {
		return this.#waiting.length === 0;
	}

	/** Refuses with `unavailable` when the queue is full. */
	add<T>(unit: Unit<T>): Promise<T> {
		if (this.#waiting.length >= queueMax) {
			return Promise.reject(unavailable(new Error("the write queue is full")));
		}
		const { promise, resolve, reject } = Promise.withResolvers<T>();
		this.#waiting.push({
			unit,
			resolve: resolve as (value: unknown) => void,
			reject,
			deadline: performance.now() + waitMsMax,
		});
		return promise;
	}

	/** The next group, in order of arrival. */
	take(): readonly Waiting[] {
		let weight = 0;
		const full = this.#waiting.findIndex(({ unit }, index) => {
			weight += unit.weight ?? 1;
			return weight > groupMax && index > 0;
		});
		const group = this.#waiting.splice(0, full === -1 ? this.#waiting.length : full);
		this.#groups++;
		this.#units += group.length;
		return group;
	}

	/** Puts a group that has not been begun back to the front. */
	putBack(group: readonly Waiting[]): void {
		this.#waiting = [...group, ...this.#waiting];
		this.#groups--;
		this.#units -= group.length;
	}

	/** Refuses those whose time is up. */
	expire(cause: unknown): void {
		const now = performance.now();
		const late = this.#waiting.filter((waiting) => waiting.deadline <= now);
		this.#waiting = this.#waiting.filter((waiting) => waiting.deadline > now);
		for (const waiting of late) waiting.reject(unavailable(cause));
	}
}

export function unavailable(cause: unknown): AppError {
	return new AppError("unavailable", "The database cannot take this now; try again soon.", {
		cause,
		retryAfterSeconds: 1,
	});
}
