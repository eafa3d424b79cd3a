import type { Log } from "./log.ts";

/** A check that runs when something may have changed: one at a time, and one more if something changed during it. */
export class Checker {
	#running: Promise<void> | undefined;
	#again = false;

	/** `failure`: what the log says, at debug, where a check fails: the next hint or poll makes up for it. */
	constructor(
		private readonly check: () => Promise<void>,
		private readonly failure: string,
		private readonly log: Log,
	) {}

	/** Something may have changed. */
	hint(): void {
		this.#again = true;
		this.#running ??= this.#run().finally(() => {
			this.#running = undefined;
		});
	}

	/** Waits for the check in progress. */
	async idle(): Promise<void> {
		await this.#running;
	}

	async #run(): Promise<void> {
		while (this.#again) {
			this.#again = false;
			try {
				await this.check();
			} catch (error) {
				this.log.debug({ err: error }, this.failure);
			}
		}
	}
}
