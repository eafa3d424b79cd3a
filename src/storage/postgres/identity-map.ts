/**
 * The rows of a group of units, each once: fetched before, changed in memory by one unit after the other, written back
 * together. A unit that throws undoes its own changes.
 */
export class IdentityMap<Row> {
	readonly #before = new Map<string, Row>();
	readonly #now = new Map<string, Row>();
	readonly #touched = new Set<string>();
	readonly #undo: (() => void)[] = [];
	#isChanged = false;

	constructor(private readonly keyOf: (row: Row) => string) {}

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

	/** A new row; one that was not fetched may be there all the same, and the database refuses it then. */
	add(row: Row): void {
		const key = this.keyOf(row);
		if (this.#now.has(key)) throw new Error(`a row with the key ${key} is there already`);
		this.#remember(key);
		this.#now.set(key, row);
	}

	/** The row, whether it was there or not. */
	put(row: Row): void {
		const key = this.keyOf(row);
		this.#remember(key);
		this.#now.set(key, row);
	}

	delete(row: Row): void {
		const key = this.keyOf(row);
		this.#remember(key);
		this.#now.delete(key);
	}

	/** The current unit's changes stay. */
	keep(): void {
		this.#isChanged ||= this.#undo.length > 0;
		this.#undo.length = 0;
	}

	/** The current unit's changes are undone. */
	undo(): void {
		while (this.#undo.length > 0) this.#undo.pop()?.();
	}

	/** Whether a unit whose changes stay has changed a row, though another may have changed it back. */
	get isChanged(): boolean {
		return this.#isChanged;
	}

	/** What is to be written: the difference between what was fetched and what is there now. */
	changes(): { readonly inserted: Row[]; readonly updated: Row[]; readonly removed: Row[] } {
		const inserted: Row[] = [];
		const updated: Row[] = [];
		const removed: Row[] = [];
		for (const key of this.#touched) {
			const before = this.#before.get(key);
			const now = this.#now.get(key);
			if (before === undefined && now !== undefined) inserted.push(now);
			if (before !== undefined && now !== undefined && before !== now) updated.push(now);
			if (before !== undefined && now === undefined) removed.push(before);
		}
		return { inserted, updated, removed };
	}

	#remember(key: string): void {
		const row = this.#now.get(key);
		this.#undo.push(() => (row === undefined ? this.#now.delete(key) : this.#now.set(key, row)));
		this.#touched.add(key);
	}
}
