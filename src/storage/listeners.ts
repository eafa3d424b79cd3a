/** Those who want to hear of something, and a source that runs only while there are any. */
export class Listeners {
	readonly #listeners = new Set<() => void>();
	#end: (() => void) | undefined;

	/** `begin` starts the source; its answer ends it. */
	constructor(private readonly begin: () => () => void) {}

	/** The answer takes the listener away again. */
	add(listener: () => void): () => void {
		const own = () => listener();
		this.#listeners.add(own);
		this.#end ??= this.begin();
		return () => {
			this.#listeners.delete(own);
			if (this.#listeners.size === 0) this.stop();
		};
	}

	tell(): void {
		for (const listener of this.#listeners) listener();
	}

	/** Ends the source, whoever still listens. */
	stop(): void {
		this.#end?.();
		this.#end = undefined;
	}
}
