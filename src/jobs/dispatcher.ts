import { type Log, loggable } from "../log.ts";
import type { JobService } from "./service.ts";
import type { ChangedJob, LeaseJobs } from "./store.ts";
import { WaitQueue } from "./wait-queue.ts";

export interface DispatcherDeps {
	readonly jobs: JobService;
	/** Calls when any process may have changed something; the answer ends it. Only a hint. */
	readonly onChange: (listener: () => void) => () => void;
	readonly log: Log;
}

/** A hint can be lost: while somebody waits, the queues are looked at this often. */
const pollMs = 1000;

/** Brings work and workers together: a worker that finds no job waits here, and holds nothing of the database. */
export class Dispatcher {
	readonly #line = new WaitQueue();
	#end: (() => void) | undefined;
	#polling: Timer | undefined;
	#look: Promise<void> | undefined;
	#lookAgain = false;

	constructor(private readonly deps: DispatcherDeps) {}

	start(): void {
		this.#end ??= this.deps.onChange(() => this.#changed());
		this.#polling ??= setInterval(() => this.#changed(), pollMs);
	}

	/** Those who wait get their answer, an empty one, at once. Idempotent. */
	async stop(): Promise<void> {
		this.#line.close();
		this.#end?.();
		clearInterval(this.#polling);
		await this.#look;
	}

	/** Leases what there is, or waits for work as long as asked and as the client stays. */
	async lease(asked: LeaseJobs, waitSeconds: number, gone: AbortSignal): Promise<readonly ChangedJob[]> {
		const deadline = performance.now() + waitSeconds * 1000;
		while (!gone.aborted) {
			const place = this.#line.enter(asked.queues);
			try {
				const jobs = await this.deps.jobs.lease(asked);
				const leftMs = deadline - performance.now();
				if (jobs.length > 0 || leftMs <= 0 || !(await place.called(leftMs, gone))) return jobs;
			} finally {
				place.leave();
			}
		}
		return [];
	}

	/** Jobs of this process' making that may be leased: those who wait hear of them without a detour. */
	ready(jobs: readonly ChangedJob[]): void {
		for (const { queue, state } of jobs) if (state === "queued") this.#line.call(queue, 1);
	}

	readyQueues(counts: ReadonlyMap<string, number>): void {
		for (const [queue, count] of counts) this.#line.call(queue, count);
	}

	/** One look at a time, and one more if something changed meanwhile. */
	#changed(): void {
		this.#lookAgain = true;
		this.#look ??= this.#lookAround().finally(() => {
			this.#look = undefined;
		});
	}

	async #lookAround(): Promise<void> {
		while (this.#lookAgain) {
			this.#lookAgain = false;
			const queues = this.#line.queues();
			if (queues.length === 0) return;
			try {
				this.readyQueues(await this.deps.jobs.ready(queues));
			} catch (error) {
				this.deps.log.debug({ err: loggable(error) }, "Waiting workers could not be told of work.");
			}
		}
	}
}
