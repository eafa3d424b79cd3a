/** Wakes all waiters at once. Read `next` before checking the state, so that no notification is missed. */
export class Signal {
	#next = Promise.withResolvers<void>();

	/** Resolves with the next notification. */
	get next(): Promise<void> {
		return this.#next.promise;
	}

	notify(): void {
		const { resolve } = this.#next;
		this.#next = Promise.withResolvers();
		resolve();
	}
}
