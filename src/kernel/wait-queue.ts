/** A request that waits for something to be found. */
export interface Waiter {
	/** Resolves with true when woken; with false on timeout, or when the client is gone or the queue is closed. */
	wait(milliseconds: number, gone: AbortSignal): Promise<boolean>;
	/** Always the last call. A wake-up that came too late to be used goes to the next waiter. */
	leave(): void;
}

interface Entry<Topic, Found> {
	readonly topics: readonly Topic[];
	readonly fits: (found: Found) => boolean;
	/** What it was woken for. */
	wokenFor: { readonly topic: Topic; readonly found: Found } | undefined;
	resolve(isWoken: boolean): void;
}

/** Requests that wait, in FIFO order for each topic. `keyOf`: a topic as one text. */
export class WaitQueue<Topic, Found = undefined> {
	readonly #byTopic = new Map<
		string,
		{ readonly topic: Topic; readonly entries: Set<Entry<Topic, Found>> }
	>();
	#isClosed = false;

	constructor(private readonly keyOf: (topic: Topic) => string) {}

	/**
	 * From this call on no wake-up is missed: enter before looking. `fits`: whether what was found is what this one waits
	 * for; absent: it is whatever it is.
	 */
	enter(topics: readonly Topic[], fits: (found: Found) => boolean = () => true): Waiter {
		const { promise, resolve } = Promise.withResolvers<boolean>();
		const entry: Entry<Topic, Found> = { topics, fits, wokenFor: undefined, resolve };
		for (const topic of topics) this.#entries(topic).add(entry);
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
				if (entry.wokenFor === undefined || isUsed) return;
				this.wake(entry.wokenFor.topic, entry.wokenFor.found);
			},
		};
	}

	/** Wakes the first waiters that fit, as many as `count`. */
	wake(topic: Topic, found: Found, count = 1): void {
		const waiting = this.#byTopic.get(this.keyOf(topic))?.entries ?? [];
		const entries: Entry<Topic, Found>[] = [];
		for (const entry of waiting) {
			if (entries.length === count) break;
			if (entry.fits(found)) entries.push(entry);
		}
		for (const entry of entries) {
			this.#remove(entry);
			entry.wokenFor = { topic, found };
			entry.resolve(true);
		}
	}

	/** The topics that have waiters. */
	topics(): readonly Topic[] {
		return [...this.#byTopic.values()].map(({ topic }) => topic);
	}

	/** Ends every wait, also those that begin later. */
	close(): void {
		this.#isClosed = true;
		for (const { entries } of this.#byTopic.values()) for (const entry of entries) entry.resolve(false);
	}

	#entries(topic: Topic): Set<Entry<Topic, Found>> {
		const key = this.keyOf(topic);
		const waiting = this.#byTopic.get(key) ?? { topic, entries: new Set() };
		this.#byTopic.set(key, waiting);
		return waiting.entries;
	}

	#remove(entry: Entry<Topic, Found>): void {
		for (const topic of entry.topics) {
			const key = this.keyOf(topic);
			const entries = this.#byTopic.get(key)?.entries;
			entries?.delete(entry);
			if (entries?.size === 0) this.#byTopic.delete(key);
		}
	}
}
