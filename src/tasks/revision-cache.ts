import type { Representation } from "../kernel/canonical.ts";
import type { SpaceId } from "../kernel/space.ts";

interface Kept<Item> {
	readonly tasksRev: number;
	readonly items: Map<string, Item>;
	length: number;
}

/**
 * Representations at one revision of the tasks of each space. Any change of a task drops those of its space; memory is
 * bounded over all spaces.
 */
export class RevisionCache<Item extends Representation> {
	#length = 0;
	/** The space whose first item was kept longest ago comes first. */
	readonly #spaces = new Map<SpaceId, Kept<Item>>();

	/** `lengthMax`: in characters, bodies and keys together. */
	constructor(private readonly lengthMax = 8 * 1024 * 1024) {}

	find(space: SpaceId, tasksRev: number, key: string): Item | undefined {
		const kept = this.#spaces.get(space);
		return kept?.tasksRev === tasksRev ? kept.items.get(key) : undefined;
	}

	/** Caches an item of revision `tasksRev` or of a later one. */
	keep(space: SpaceId, tasksRev: number, key: string, item: Item): void {
		const length = key.length + item.body.length;
		const newest = this.#spaces.get(space)?.tasksRev ?? 0;
		if (tasksRev < newest || length > this.lengthMax) return;
		if (tasksRev > newest) this.#drop(space);
		this.#makeRoom(length);
		const kept = this.#spaces.get(space) ?? { tasksRev, items: new Map<string, Item>(), length: 0 };
		this.#spaces.set(space, kept);
		if (!kept.items.has(key)) {
			kept.length += length;
			this.#length += length;
		}
		kept.items.set(key, item);
	}

	#makeRoom(length: number): void {
		for (const space of this.#spaces.keys()) {
			if (this.#length + length <= this.lengthMax) return;
			this.#drop(space);
		}
	}

	#drop(space: SpaceId): void {
		this.#length -= this.#spaces.get(space)?.length ?? 0;
		this.#spaces.delete(space);
	}
}
