/** How long a batch waits for the one before it. */
const stallMs = 100;
/** The most batches in progress at once; more would let a stall take every connection. */
const underWayMax = 4;

/**
 * Loads in batches, one query at a time: calls that arrive while a query is in progress share the next one. So every
 * result comes from a query that began after the call. A query that stalls delays the next one only briefly.
 */
export class BatchLoader<Key, Result> {
	#underWay = 0;
	/** The batch that started last. */
	#latest: Promise<unknown> | undefined;
	#next: { readonly keys: Set<Key>; readonly result: Promise<Result> } | undefined;
	/** Starts the next batch. */
	#release: (() => void) | undefined;
	#waitingSince = 0;
	#timer: Timer | undefined;

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
		await (this.#latest === undefined ? undefined : this.#released());
		this.#next = undefined;
		this.#underWay++;
		const result = this.query(keys);
		const ended = () => this.#ended(latest);
		const latest: Promise<unknown> = result.then(ended, ended);
		this.#latest = latest;
		return result;
	}

	#released(): Promise<void> {
		this.#waitingSince = performance.now();
		this.#timer ??= setTimeout(() => this.#checkStall(), stallMs);
		return new Promise((resolve) => {
			this.#release = resolve;
		});
	}

	#ended(batch: Promise<unknown>): void {
		this.#underWay--;
		if (this.#latest === batch) this.#latest = undefined;
		// An earlier batch ends before the latest one only if it had stalled; the next may have waited for its place.
		if (this.#latest === undefined || this.#hasStalled()) this.#start();
	}

	/** One timer serves many batches: hardly any stalls. */
	#checkStall(): void {
		this.#timer = undefined;
		if (this.#release === undefined) return;
		if (this.#hasStalled() && this.#underWay < underWayMax) this.#start();
		else this.#timer = setTimeout(() => this.#checkStall(), stallMs);
	}

	#hasStalled(): boolean {
		return performance.now() - this.#waitingSince >= stallMs;
	}

	#start(): void {
		this.#release?.();
		this.#release = undefined;
	}
}
