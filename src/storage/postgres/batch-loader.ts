/** So long a batch waits for the one before it. */
const stallMs = 100;
/** Batches under way at once; beyond these a stall holds the next one up, or it would take every connection. */
const underWayMax = 4;

/**
 * Loads for all who wait together: one query at a time, and whoever asks while one is under way shares the next. So every
 * result comes from a query that began after it was asked for. A query that stalls holds the next one up for a moment
 * only.
 */
export class BatchLoader<Key, Result> {
	readonly #underWay = new Set<Promise<unknown>>();
	#latest: Promise<unknown> | undefined;
	#next: { readonly keys: Set<Key>; readonly result: Promise<Result> } | undefined;

	constructor(private readonly query: (keys: ReadonlySet<Key>) => Promise<Result>) {}

	load(key: Key): Promise<Result> {
		if (this.#next === undefined) {
			const keys = new Set<Key>();
			this.#next = { keys, result: this.#afterLatest(keys) };
		}
		this.#next.keys.add(key);
		return this.#next.result;
	}

	async #afterLatest(keys: ReadonlySet<Key>): Promise<Result> {
		// Whoever asks in the same turn joins, also when nothing is under way.
		await settledOrStalled(this.#latest);
		while (this.#underWay.size >= underWayMax) await Promise.race(this.#underWay);
		this.#next = undefined;
		const result = this.query(keys);
		const ended: Promise<unknown> = result.then(ignore, ignore).finally(() => this.#underWay.delete(ended));
		this.#underWay.add(ended);
		this.#latest = ended;
		return result;
	}
}

function ignore(): void {}

/** Resolves when the promise has settled, or has not for `stallMs`. */
async function settledOrStalled(promise: Promise<unknown> | undefined): Promise<void> {
	if (promise === undefined) return;
	const { promise: stalled, resolve } = Promise.withResolvers<void>();
	const timer = setTimeout(resolve, stallMs);
	await Promise.race([promise, stalled]);
	clearTimeout(timer);
}
