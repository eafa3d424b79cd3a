/** How long a batch waits for the one before it. */
const stallMs = 100;
/** The most batches in progress at once; more would let a stall take every connection. */
const underWayMax = 4;

/**
 * Loads in batches, one query at a time: calls that arrive while a query is in progress share the next one. So every
 * result comes from a query that began after the call. A query that stalls delays the next one only briefly.
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
		// Calls in the same turn join the batch, also when no query is in progress.
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

/** Resolves when the promise has settled, or after `stallMs`. */
async function settledOrStalled(promise: Promise<unknown> | undefined): Promise<void> {
	if (promise === undefined) return;
	const { promise: stalled, resolve } = Promise.withResolvers<void>();
	const timer = setTimeout(resolve, stallMs);
	await Promise.race([promise, stalled]);
	clearTimeout(timer);
}
