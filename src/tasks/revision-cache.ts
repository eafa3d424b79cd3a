import type { Representation } from "../kernel/canonical.ts";

/** Representations at one revision of the tasks. Any change of a task drops them all; memory is bounded. */
export class RevisionCache<Item extends Representation> {
	#tasksRev = 0;
	#length = 0;
	readonly #items = new Map<string, Item>();

	/** `lengthMax`: in characters, bodies and keys together. */
	constructor(private readonly lengthMax = 8 * 1024 * 1024) {}

	find(tasksRev: number, key: string): Item | undefined {
		return tasksRev === this.#tasksRev ? this.#items.get(key) : undefined;
	}

	/** Caches an item of revision `tasksRev` or of a later one. */
	keep(tasksRev: number, key: string, item: Item): void {
		const length = key.length + item.body.length;
		if (tasksRev < this.#tasksRev || length > this.lengthMax) return;
		if (tasksRev > this.#tasksRev || this.#length + length > this.lengthMax) this.#clear();
		this.#tasksRev = tasksRev;
		if (!this.#items.has(key)) this.#length += length;
		this.#items.set(key, item);
	}

	#clear(): void {
		this.#items.clear();
		this.#length = 0;
	}
}
