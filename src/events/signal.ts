/** Wakes all who wait, at once. Who takes `next` before looking around misses no ring. */
export class Signal {
	#next = Promise.withResolvers<void>();

	/** Resolves with the next ring. */
	get next(): Promise<void> {
		return this.#next.promise;
	}

	notify(): void {
		const { resolve } = this.#next;
		this.#next = Promise.withResolvers();
		resolve();
	}
}
