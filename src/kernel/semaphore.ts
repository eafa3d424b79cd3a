export interface SemaphoreOptions {
	readonly concurrentMax: number;
	/** Absent: any number may wait. */
	readonly waitingMax?: number;
}

/** As many wait as may. */
export class SemaphoreFull extends Error {
	override readonly name = "SemaphoreFull";
}

/** Lets a bounded number of tasks run at once; a bounded number wait in line, and the rest fail with `SemaphoreFull`. */
export class Semaphore {
	readonly #concurrentMax: number;
	readonly #waitingMax: number;
	readonly #waiting: (() => void)[] = [];
	#running = 0;

	constructor({ concurrentMax, waitingMax = Number.POSITIVE_INFINITY }: SemaphoreOptions) {
		this.#concurrentMax = concurrentMax;
		this.#waitingMax = waitingMax;
	}

	async run<T>(task: () => Promise<T>): Promise<T> {
		if (this.#running >= this.#concurrentMax) await this.#turn();
		else this.#running++;
		try {
			return await task();
		} finally {
			// Whoever is next takes over this one's place, so that nobody can slip in between.
			const next = this.#waiting.shift();
			if (next === undefined) this.#running--;
			else next();
		}
	}

	#turn(): Promise<void> {
		if (this.#waiting.length >= this.#waitingMax) throw new SemaphoreFull("too many are waiting");
		return new Promise((resolve) => this.#waiting.push(resolve));
	}
}
