import { type Log, loggable } from "../log.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { JobService } from "./service.ts";

export interface SweeperDeps {
	readonly jobs: JobService;
	readonly dispatcher: Dispatcher;
	/** How long ended jobs are kept. */
	readonly retentionMs: number;
	readonly log: Log;
}

/** Jobs that are swept or removed in one transaction: writers wait no longer than that takes. */
const batchMax = 100;
const purgeMax = 500;
const sweepMsMax = 500;
const purgeMsMax = 60_000;
const purgeMsMin = 1000;
const retryMs = 1000;

/**
 * Puts back what has run out, queues what is due, removes what ended long ago. Every replica does so, none leads: two
 * that see the same job change it one after the other, and the second finds nothing left to do. While nothing is due,
 * a round is one read.
 */
export class Sweeper {
	readonly #stopping = Promise.withResolvers<void>();
	readonly #purgeMs: number;
	#rounds: Promise<unknown> | undefined;
	#isStopped = false;

	constructor(private readonly deps: SweeperDeps) {
		this.#purgeMs = Math.min(purgeMsMax, Math.max(purgeMsMin, deps.retentionMs / 10));
	}

	start(): void {
		this.#rounds ??= Promise.all([this.#repeat(() => this.#sweep()), this.#repeat(() => this.#purge())]);
	}

	/** Waits for the step that is under way. Idempotent. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		this.#stopping.resolve();
		await this.#rounds;
	}

	/** `round` answers how many milliseconds the next one has time. */
	async #repeat(round: () => Promise<number>): Promise<void> {
		let isFailing = false;
		while (!this.#isStopped) {
			let pauseMs = retryMs;
			try {
				pauseMs = await round();
				isFailing = false;
			} catch (error) {
				// Said once: while the database is away, every round fails.
				if (!isFailing) this.deps.log.warn({ err: loggable(error) }, "A round over the jobs failed.");
				isFailing = true;
			}
			if (!this.#isStopped) await this.#pause(pauseMs);
		}
	}

	async #pause(milliseconds: number): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		const timer = setTimeout(resolve, milliseconds);
		await Promise.race([promise, this.#stopping.promise]);
		clearTimeout(timer);
	}

	async #sweep(): Promise<number> {
		const { jobs, dispatcher } = this.deps;
		const dueMs = (await jobs.dueInMs()) ?? sweepMsMax;
		if (dueMs > 0) return Math.min(dueMs, sweepMsMax);
		const { ready, isFull } = await jobs.sweep(`sweep-${crypto.randomUUID()}`, batchMax);
		dispatcher.readyQueues(ready);
		return isFull ? 0 : 1;
	}

	async #purge(): Promise<number> {
		const removed = await this.deps.jobs.purge(this.deps.retentionMs, purgeMax);
		return removed === purgeMax ? 1 : this.#purgeMs;
	}
}
