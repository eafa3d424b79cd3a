/** A worker's place in the line. */
export interface Place {
	/** True once called for work; false when the time is up, the client is gone or the line is closed. */
	called(milliseconds: number, gone: AbortSignal): Promise<boolean>;
	/** Always the last step. A call that came too late to be of use goes to the next in line. */
	leave(): void;
}

interface Waiter {
	readonly queues: readonly string[];
	/** The queue that it was called for. */
	calledFor: string | undefined;
	answer(isCalled: boolean): void;
}

/** Workers that wait for a job: for each queue, first come, first served. */
export class WaitQueue {
	readonly #byQueue = new Map<string, Set<Waiter>>();
	#isClosed = false;

	/** A place from which no call is missed. Who enters first and then looks for work cannot wait beside it. */
	enter(queues: readonly string[]): Place {
		const { promise, resolve } = Promise.withResolvers<boolean>();
		const waiter: Waiter = { queues, calledFor: undefined, answer: resolve };
		for (const queue of queues) this.#waiters(queue).add(waiter);
		let isUsed = false;
		return {
			called: async (milliseconds, gone) => {
				if (this.#isClosed || gone.aborted) return false;
				const timer = setTimeout(resolve, milliseconds, false);
				const leaves = () => resolve(false);
				gone.addEventListener("abort", leaves, { once: true });
				isUsed = (await promise) && !gone.aborted;
				clearTimeout(timer);
				gone.removeEventListener("abort", leaves);
				return isUsed;
			},
			leave: () => {
				this.#remove(waiter);
				if (waiter.calledFor !== undefined && !isUsed) this.call(waiter.calledFor, 1);
			},
		};
	}

	/** Calls as many of those who wait for this queue as there are jobs. */
	call(queue: string, jobs: number): void {
		const waiters = [...(this.#byQueue.get(queue) ?? [])].slice(0, jobs);
		for (const waiter of waiters) {
			this.#remove(waiter);
			waiter.calledFor = queue;
			waiter.answer(true);
		}
	}

	/** The queues that somebody waits for. */
	queues(): readonly string[] {
		return [...this.#byQueue.keys()];
	}

	/** Sends everybody away, and who comes later as well. */
	close(): void {
		this.#isClosed = true;
		for (const waiters of this.#byQueue.values()) for (const waiter of waiters) waiter.answer(false);
	}

	#waiters(queue: string): Set<Waiter> {
		const waiters = this.#byQueue.get(queue) ?? new Set();
		this.#byQueue.set(queue, waiters);
		return waiters;
	}

	#remove(waiter: Waiter): void {
		for (const queue of waiter.queues) {
			const waiters = this.#byQueue.get(queue);
			waiters?.delete(waiter);
			if (waiters?.size === 0) this.#byQueue.delete(queue);
		}
	}
}
