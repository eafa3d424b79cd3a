import { defaultSpace, type SpaceId } from "../../kernel/space.ts";

/** What a group of units has changed. A row that was removed and added again is in both lists. */
export interface RowChanges<Row> {
	readonly inserted: readonly Row[];
	readonly updated: readonly Row[];
	readonly removed: readonly Row[];
}

/**
 * The rows of a group of units, each once: fetched before, changed in memory by one unit after the other, written back
 * together. If a unit throws, only its own changes are undone.
 */
export class IdentityMap<Row> {
	readonly #before = new Map<string, Row>();
	readonly #now = new Map<string, Row>();
	readonly #touched = new Set<string>();
	readonly #undo: (() => void)[] = [];
	/** Rows that were removed and added again: other rows under the same key. */
	readonly #replaced = new Set<string>();
	/** The spaces of the rows that the current unit has changed, and of those that the group has. */
	readonly #spacesOfUnit = new Set<SpaceId>();
	readonly #changedSpaces = new Set<SpaceId>();

	/** Rows that are in no space count as rows of `default`. */
	constructor(
		private readonly keyOf: (row: Row) => string,
		private readonly spaceOf: (row: Row) => SpaceId = () => defaultSpace,
	) {}

	load(rows: Iterable<Row>): void {
		for (const row of rows) {
			this.#before.set(this.keyOf(row), row);
			this.#now.set(this.keyOf(row), row);
		}
	}

	get(key: string): Row | undefined {
		return this.#now.get(key);
	}

	/** All rows as they are now. */
	values(): Iterable<Row> {
		return this.#now.values();
	}

	/** The row as it was fetched, if it was. */
	before(row: Row): Row | undefined {
		return this.#before.get(this.keyOf(row));
	}

	/** A new row; if the database has it already, though it was not fetched, the insert fails. */
	add(row: Row): void {
		const key = this.keyOf(row);
		if (this.#now.has(key)) throw new Error("a row with this key is there already");
		this.#remember(key, row);
		this.#now.set(key, row);
		if (!this.#before.has(key) || this.#replaced.has(key)) return;
		this.#replaced.add(key);
		this.#undo.push(() => this.#replaced.delete(key));
	}

	/** Sets the row, new or not. */
	put(row: Row): void {
		const key = this.keyOf(row);
		this.#remember(key, row);
		this.#now.set(key, row);
	}

	delete(row: Row): void {
		const key = this.keyOf(row);
		this.#remember(key, row);
		this.#now.delete(key);
	}

	/** Keeps the current unit's changes. */
	keep(): void {
		for (const space of this.#spacesOfUnit) this.#changedSpaces.add(space);
		this.#spacesOfUnit.clear();
		this.#undo.length = 0;
	}

	/** Undoes the current unit's changes. */
	undo(): void {
		this.#spacesOfUnit.clear();
		while (this.#undo.length > 0) this.#undo.pop()?.();
	}

	/** Where units whose changes were kept have changed rows; others may have changed them back. */
	get changedSpaces(): ReadonlySet<SpaceId> {
		return this.#changedSpaces;
	}

	/** What to write: the difference between the fetched rows and the current ones. */
	changes(): RowChanges<Row> {
		const inserted: Row[] = [];
		const updated: Row[] = [];
		const removed: Row[] = [];
		for (const key of this.#touched) {
			const before = this.#before.get(key);
			const now = this.#now.get(key);
			const isReplaced = this.#replaced.has(key);
			if (before !== undefined && (now === undefined || isReplaced)) removed.push(before);
			if (now === undefined || now === before) continue;
			if (before === undefined || isReplaced) inserted.push(now);
			else updated.push(now);
		}
		return { inserted, updated, removed };
	}

	#remember(key: string, changed: Row): void {
		const row = this.#now.get(key);
		this.#undo.push(() => (row === undefined ? this.#now.delete(key) : this.#now.set(key, row)));
		this.#touched.add(key);
		this.#spacesOfUnit.add(this.spaceOf(changed));
	}
}
