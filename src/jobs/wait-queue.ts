import { type QueueName, textOfQueue } from "./store.ts";

/** A worker that waits for a job. */
export interface Waiter {
	/** Resolves with true when woken for a job; with false on timeout, or when the client is gone or the queue is closed. */
	wait(milliseconds: number, gone: AbortSignal): Promise<boolean>;
	/** Always the last call. A wake-up that came too late to be used goes to the next waiter. */
	leave(): void;
}

interface Entry {
	readonly queues: readonly QueueName[];
	/** The queue of the job for which it was woken. */
	wokenFor: QueueName | undefined;
	resolve(isWoken: boolean): void;
}

/** Workers that wait for a job, in FIFO order for each queue of jobs. */
export class WaitQueue {
	readonly #byQueue = new Map<string, { readonly queue: QueueName; readonly entries: Set<Entry> }>();
	#isClosed = false;

	/** From this call on no wake-up is missed: enter before looking for a job. */
	enter(queues: readonly QueueName[]): Waiter {
		const { promise, resolve } = Promise.withResolvers<boolean>();
		const entry: Entry = { queues, wokenFor: undefined, resolve };
		for (const queue of queues) this.#entries(queue).add(entry);
		let isUsed = false;
		return {
			wait: async (milliseconds, gone) => {
				if (this.#isClosed || gone.aborted) return false;
				const timer = setTimeout(resolve, milliseconds, false);
				const abort = () => resolve(false);
				gone.addEventListener("abort", abort, { once: true });
				isUsed = (await promise) && !gone.aborted;
				clearTimeout(timer);
				gone.removeEventListener("abort", abort);
				return isUsed;
			},
			leave: () => {
				this.#remove(entry);
				if (entry.wokenFor !== undefined && !isUsed) this.wake(entry.wokenFor, 1);
			},
		};
	}

	/** Wakes one waiter for each job of a queue. */
	wake(queue: QueueName, jobs: number): void {
		const entries = [...(this.#byQueue.get(textOfQueue(queue))?.entries ?? [])].slice(0, jobs);
		for (const entry of entries) {
			this.#remove(entry);
			entry.wokenFor = queue;
			entry.resolve(true);
		}
	}

	/** The queues that have waiters. */
	queues(): readonly QueueName[] {
		return [...this.#byQueue.values()].map(({ queue }) => queue);
	}

	/** Ends every wait, also those that begin later. */
	close(): void {
		this.#isClosed = true;
		for (const { entries } of this.#byQueue.values()) for (const entry of entries) entry.resolve(false);
	}

	#entries(queue: QueueName): Set<Entry> {
		const key = textOfQueue(queue);
		const waiting = this.#byQueue.get(key) ?? { queue, entries: new Set() };
		this.#byQueue.set(key, waiting);
		return waiting.entries;
	}

	#remove(entry: Entry): void {
		for (const queue of entry.queues) {
			const key = textOfQueue(queue);
			const entries = this.#byQueue.get(key)?.entries;
			entries?.delete(entry);
			if (entries?.size === 0) this.#byQueue.delete(key);
		}
	}
}
