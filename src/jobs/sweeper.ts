import type { Log } from "../kernel/log.ts";
import { purgeRound } from "../kernel/purge.ts";
import { Repeater } from "../kernel/repeater.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { JobService } from "./service.ts";

export interface SweeperDeps {
	readonly jobs: JobService;
	readonly dispatcher: Dispatcher;
	/** How long finished jobs are kept. */
	readonly retentionMs: number;
	readonly databaseNow: () => Promise<number>;
	readonly log: Log;
}

/** Jobs that are swept in one transaction: writers wait no longer than that takes. */
const batchMax = 100;
const sweepMsMax = 500;

/**
 * Requeues jobs whose lease has expired, queues those that are due, and removes those that ended long ago. Every replica
 * does so, without a leader: two that see the same job change it one after the other, and the second finds nothing left
 * to do. While nothing is due, a round is one read.
 */
export class Sweeper {
	readonly #sweeps: Repeater;
	readonly #purges: Repeater;

	constructor(private readonly deps: SweeperDeps) {
		const { jobs, retentionMs, databaseNow, log } = deps;
		this.#sweeps = new Repeater({
			round: () => this.#sweep(),
			failure: "Jobs that are due could not be queued; trying again.",
			log,
		});
		this.#purges = new Repeater({
			round: purgeRound({ clock: databaseNow, purge: jobs.purge, retentionMs }),
			failure: "Old jobs could not be removed; trying again.",
			log,
		});
	}

	start(): void {
		this.#sweeps.start();
		this.#purges.start();
	}

	/** Waits for the steps in progress. Idempotent. */
	async stop(): Promise<void> {
		await Promise.all([this.#sweeps.stop(), this.#purges.stop()]);
	}

	async #sweep(): Promise<number> {
		const { jobs, dispatcher } = this.deps;
		const dueMs = (await jobs.dueInMs()) ?? sweepMsMax;
		if (dueMs > 0) return Math.min(dueMs, sweepMsMax);
		const context = { actor: "system", requestId: `sweep-${crypto.randomUUID()}` } as const;
		const { ready, isFull } = await jobs.sweep(context, batchMax);
		dispatcher.readyQueues(ready);
		return isFull ? 0 : 1;
	}
}
