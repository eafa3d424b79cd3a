import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import { Repeater } from "../kernel/repeater.ts";
import type { TaskService } from "./service.ts";

export interface TaskSweeperDeps {
	readonly tasks: Pick<TaskService, "dueInMs" | "sweep">;
	readonly clock: Clock;
	readonly log: Log;
}

/** Tasks that are swept in one transaction: writers wait no longer than that takes. */
const batchMax = 100;
const sweepMsMax = 500;

/**
 * Ends the deferral of tasks whose time has come. Every replica does so, without a leader: of two that see the same task
 * the second finds nothing left to do. While nothing is due, a round is one read.
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
		const { tasks, clock } = this.deps;
		const dueMs = (await tasks.dueInMs()) ?? sweepMsMax;
		if (dueMs > 0) return Math.min(dueMs, sweepMsMax);
		const context = { actor: "system", requestId: `sweep-${crypto.randomUUID()}` } as const;
		return (await tasks.sweep({ context, now: clock() }, batchMax)) === batchMax ? 0 : 1;
	}
}
