/** How many jobs may wait, and with what the next one is refused. */
export interface WaitBound {
	readonly waitingMax: number;
	readonly refuse: () => Error;
}

/** Runs a bounded number of jobs at once; the rest wait, in order of arrival. */
export class Semaphore {
	#running = 0;
	readonly #waiting: (() => void)[] = [];

	constructor(
		private readonly concurrentMax: number,
		private readonly bound?: WaitBound,
	) {}

	async run<T>(job: () => Promise<T>): Promise<T> {
		if (this.#running >= this.concurrentMax) await this.#turn();
		else this.#running++;
		try {
			return await job();
		} finally {
			// The next one takes over this one's turn, so that nobody gets in between.
			const next = this.#waiting.shift();
			if (next === undefined) this.#running--;
			else next();
		}
	}

	#turn(): Promise<void> {
		if (this.bound !== undefined && this.#waiting.length >= this.bound.waitingMax) throw this.bound.refuse();
		return new Promise((resolve) => this.#waiting.push(resolve));
	}
}
