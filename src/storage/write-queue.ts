import { AppError } from "../kernel/errors.ts";
import type { Unit } from "../kernel/unit-of-work.ts";
import type { WriteCounts } from "../metrics/store.ts";

/** The bounds of a writer's queue and its groups. Text is counted in characters. */
export interface WriteLimits {
	/**
	 * The weight and the text of the units that share one commit; the rest wait for the next one, but the first unit is
	 * always taken. Bounds the time that a group holds the lock, and the rows that it has in memory.
	 */
	readonly groupWeightMax: number;
	readonly groupTextMax: number;
	readonly waitingMax: number;
	readonly waitingTextMax: number;
	/** Every caller gets an outcome within this time, whatever the database does. */
	readonly waitMsMax: number;
}

export const writeLimits: WriteLimits = {
	groupWeightMax: 512,
	groupTextMax: 8 * 1024 * 1024,
	waitingMax: 20_000,
	waitingTextMax: 64 * 1024 * 1024,
	waitMsMax: 10_000,
};

/** A unit of work before its commit, and the promise of its outcome. */
export class PendingWrite {
	readonly #outcome = Promise.withResolvers<unknown>();

	/** `deadline`: in milliseconds of `performance.now()`. */
	constructor(
		readonly unit: Unit<unknown>,
		readonly deadline: number,
	) {}

	get outcome(): Promise<unknown> {
		return this.#outcome.promise;
	}

	/** The first call of `succeed` or `fail` counts: after `unavailable` at the deadline, later calls have no effect. */
	succeed(value: unknown): void {
		this.#outcome.resolve(value);
	}

	fail(error: unknown): void {
		this.#outcome.reject(error);
	}
}

/** Units of work that wait for the next group, and the group in progress. */
export class WriteQueue {
	#waiting: PendingWrite[] = [];
	#underWay: readonly PendingWrite[] = [];
	#textLength = 0;
	#groups = 0;
	#units = 0;
	#timer: Timer | undefined;

	constructor(private readonly limits: WriteLimits = writeLimits) {}

	get counts(): WriteCounts {
		return { waiting: this.#waiting.length, groups: this.#groups, units: this.#units };
	}

	get isEmpty(): boolean {
		return this.#waiting.length === 0;
	}

	/** Rejects with `unavailable` at once if the queue is full, or at the unit's deadline. */
	add<T>(unit: Unit<T>): Promise<T> {
		const { waitingMax, waitingTextMax, waitMsMax } = this.limits;
		const textLength = this.#textLength + textLengthOf(unit);
		if (this.#waiting.length >= waitingMax || (textLength > waitingTextMax && !this.isEmpty)) {
			return Promise.reject(unavailable(new Error("the write queue is full")));
		}
		const write = new PendingWrite(unit, performance.now() + waitMsMax);
		this.#waiting.push(write);
		this.#textLength = textLength;
		this.#watch();
		return write.outcome as Promise<T>;
	}

	/** The next group, in order of arrival. `done` must follow. */
	take(): readonly PendingWrite[] {
		const group = this.#waiting.splice(0, this.#countOfNext());
		for (const { unit } of group) this.#textLength -= textLengthOf(unit);
		this.#underWay = group;
		this.#groups++;
		this.#units += group.length;
		return group;
	}

	#countOfNext(): number {
		const { groupWeightMax, groupTextMax } = this.limits;
		let weight = 0;
		let textLength = 0;
		const full = this.#waiting.findIndex(({ unit }, index) => {
			weight += unit.weight ?? 1;
			textLength += textLengthOf(unit);
			return index > 0 && (weight > groupWeightMax || textLength > groupTextMax);
		});
		return full === -1 ? this.#waiting.length : full;
	}

	/** Call it when the group that was taken has its outcomes. */
	done(): void {
		this.#underWay = [];
	}

	/** Puts the group that was taken, but not begun, back at the front of the queue. */
	putBack(): void {
		const group = this.#underWay;
		this.#waiting = [...group, ...this.#waiting];
		for (const { unit } of group) this.#textLength += textLengthOf(unit);
		this.#groups--;
		this.#units -= group.length;
		this.#underWay = [];
	}

	/** One timer instead of one per write: most writes are done long before their deadline. */
	#watch(): void {
		const [oldest] = this.#underWay.length > 0 ? this.#underWay : this.#waiting;
		if (oldest === undefined || this.#timer !== undefined) return;
		this.#timer = setTimeout(() => this.#expire(), Math.max(0, oldest.deadline - performance.now()));
		this.#timer.unref();
	}

	/** A write that has begun may still be committed, but its caller gets `unavailable`. */
	#expire(): void {
		this.#timer = undefined;
		const now = performance.now();
		const late = [...this.#underWay, ...this.#waiting].filter(({ deadline }) => deadline <= now);
		this.#underWay = this.#underWay.filter(({ deadline }) => deadline > now);
		this.#waiting = this.#waiting.filter((write) => {
			if (write.deadline > now) return true;
			this.#textLength -= textLengthOf(write.unit);
			return false;
		});
		for (const write of late)
			write.fail(unavailable(new Error(`no commit within ${this.limits.waitMsMax} ms`)));
		this.#watch();
	}
}

function textLengthOf({ textLength = 0 }: Unit<unknown>): number {
	return textLength;
}

export function unavailable(cause: unknown): AppError {
	return new AppError("unavailable", "The database cannot take this now; try again soon.", {
		cause,
		retryAfterSeconds: 1,
	});
}
