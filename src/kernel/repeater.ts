import type { Log } from "./log.ts";

export interface RepeaterOptions {
	/** Does the work once and says after how many milliseconds it is due again. */
	readonly round: () => Promise<number>;
	/** The log's sentence for a round that failed. */
	readonly failure: string;
	readonly log: Log;
	/** The pause after a failed round. */
	readonly retryMs?: number;
}

/** A long-lived part that does its work round after round, one at a time. */
export class Repeater {
	readonly #retryMs: number;
	#running: Promise<void> | undefined;
	#isStopped = false;
	#isFailing = false;
	#endPause: (() => void) | undefined;

	constructor(private readonly options: RepeaterOptions) {
		this.#retryMs = options.retryMs ?? 1000;
	}

	start(): void {
		this.#running ??= this.#run();
	}

	/** Waits for the round that is under way. Idempotent. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		this.#endPause?.();
		await this.#running;
	}

	async #run(): Promise<void> {
		while (!this.#isStopped) {
			const pauseMs = await this.#round();
			if (!this.#isStopped) await this.#pause(pauseMs);
		}
	}

	async #round(): Promise<number> {
		const { round, failure, log } = this.options;
		try {
			const pauseMs = await round();
			this.#isFailing = false;
			return pauseMs;
		} catch (error) {
			// Logged once: while the database is away, every round fails.
			if (!this.#isFailing) log.warn({ err: error }, failure);
			this.#isFailing = true;
			return this.#retryMs;
		}
	}

	/** Ends early with the stop. */
	#pause(milliseconds: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, milliseconds);
			// Not a race with one promise for all pauses: that one would keep a reaction of each for ever.
			this.#endPause = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}
}
