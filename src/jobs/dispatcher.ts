import { Checker } from "../kernel/checker.ts";
import type { Log } from "../kernel/log.ts";
import { WaitQueue } from "../kernel/wait-queue.ts";
import type { JobService } from "./service.ts";
import { type ChangedJob, type LeaseJobs, type QueueName, type ReadyQueue, textOfQueue } from "./store.ts";

export interface DispatcherDeps {
	readonly jobs: JobService;
	/** Calls the listener when any process may have changed something; only a hint. Returns the function that unsubscribes. */
	readonly onChange: (listener: () => void) => () => void;
	readonly log: Log;
}

/** A notification can be lost: while workers wait, the queues are polled this often. */
const pollMs = 1000;

/** Hands jobs to waiting workers: a worker that finds no job waits here, without using the database. */
export class Dispatcher {
	readonly #waiters = new WaitQueue<QueueName>(textOfQueue);
	readonly #checker: Checker;
	#unsubscribe: (() => void) | undefined;
	#polling: Timer | undefined;

	constructor(private readonly deps: DispatcherDeps) {
		this.#checker = new Checker(
			() => this.#check(),
			"The queues could not be checked for ready jobs.",
			deps.log,
		);
	}

	start(): void {
		this.#unsubscribe ??= this.deps.onChange(() => this.#checker.hint());
		this.#polling ??= setInterval(() => this.#checker.hint(), pollMs);
	}

	/** Answers all waiting workers at once, with no jobs. Idempotent. */
	async stop(): Promise<void> {
		this.#waiters.close();
		this.#unsubscribe?.();
		clearInterval(this.#polling);
		await this.#checker.idle();
	}

	/** Leases the jobs there are, or waits for some: no longer than requested, and only while the client is connected. */
	async lease(request: LeaseJobs, waitSeconds: number, gone: AbortSignal): Promise<readonly ChangedJob[]> {
		const deadline = performance.now() + waitSeconds * 1000;
		while (!gone.aborted) {
			const { space } = request.context;
			const waiter = this.#waiters.enter(request.queues.map((queue) => ({ space, queue })));
			try {
				const jobs = await this.deps.jobs.lease(request);
				const leftMs = deadline - performance.now();
				if (jobs.length > 0 || leftMs <= 0 || !(await waiter.wait(leftMs, gone))) return jobs;
			} finally {
				waiter.leave();
			}
		}
		return [];
	}

	/** Wakes waiters for jobs that this process has just made leasable, without a query. */
	ready(jobs: readonly ChangedJob[]): void {
		for (const job of jobs) if (job.state === "queued") this.#waiters.wake(job, undefined);
	}

	readyQueues(queues: readonly ReadyQueue[]): void {
		for (const queue of queues) this.#waiters.wake(queue, undefined, queue.count);
	}

	async #check(): Promise<void> {
		const queues = this.#waiters.topics();
		if (queues.length > 0) this.readyQueues(await this.deps.jobs.ready(queues));
	}
}
