/** Listeners, and a source that runs only while there are any. */
export class Listeners {
	readonly #listeners = new Set<() => void>();
	#end: (() => void) | undefined;

	/** `begin` starts the source and returns the function that stops it. */
	constructor(private readonly begin: () => () => void) {}

	/** Returns the function that removes the listener. */
	add(listener: () => void): () => void {
		const own = () => listener();
		this.#listeners.add(own);
		this.#end ??= this.begin();
		return () => {
			this.#listeners.delete(own);
			if (this.#listeners.size === 0) this.stop();
		};
	}

	notify(): void {
		for (const listener of this.#listeners) listener();
	}

	/** Stops the source, even while there are listeners. */
	stop(): void {
		this.#end?.();
		this.#end = undefined;
	}
}
