import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { Repeater } from "../kernel/repeater.ts";
import type { TaskService } from "./service.ts";

export interface TaskSweeperDeps {
	readonly swept: readonly Pick<TaskService, "dueInMs" | "sweep">[];
	readonly clock: Clock;
	readonly log: Log;
}

/** Tasks that are swept in one transaction: writers wait no longer than that takes. */
const batchMax = 100;
const sweepMsMax = 500;

/**
 * Ends the deferral of tasks whose time has come, and claims that have run out. Every replica does so, without a leader: of
 * two that see the same task the second finds nothing left to do. While nothing is due, a round is one read.
 */
export class TaskSweeper {
	readonly #sweeps: Repeater;

	constructor(private readonly deps: TaskSweeperDeps) {
		this.#sweeps = new Repeater({
			round: () => this.#sweep(),
			failure: "Tasks whose time has come could not be changed; trying again.",
			log: deps.log,
		});
	}

	start(): void {
		this.#sweeps.start();
	}

	/** Waits for the step in progress. Idempotent. */
	stop(): Promise<void> {
		return this.#sweeps.stop();
	}

	async #sweep(): Promise<number> {
		const { swept, clock } = this.deps;
		const due = await Promise.all(swept.map((one) => one.dueInMs()));
		const dueMs = Math.min(sweepMsMax, ...due.map((ms) => ms ?? sweepMsMax));
		if (dueMs > 0) return dueMs;
		const context = { actor: "system", requestId: `sweep-${crypto.randomUUID()}` } as const;
		const change = { context, now: clock() };
		const counts = await Promise.all(swept.map((one) => one.sweep(change, batchMax)));
		if (counts.includes(batchMax)) return 0;
		// What is due and cannot be changed is on its way out with its space.
		return counts.some((count) => count > 0) ? 1 : sweepMsMax;
	}
}
