/**
 * The rows that a group of units has in hand: fetched before, changed in memory by one unit after the other, written
 * back together. A unit that throws takes its own changes back.
 */
export class IdentityMap<Row> {
	readonly #before = new Map<string, Row>();
	readonly #now = new Map<string, Row>();
	readonly #touched = new Set<string>();
	readonly #undo: (() => void)[] = [];

	constructor(private readonly keyOf: (row: Row) => string) {}

	load(rows: Iterable<Row>): void {
		for (const row of rows) {
			this.#before.set(this.keyOf(row), row);
			this.#now.set(this.keyOf(row), row);
		}
	}

	find(key: string): Row | undefined {
		return this.#now.get(key);
	}

	/** All rows as they are now. */
	rows(): Iterable<Row> {
		return this.#now.values();
	}

	/** The row as it was fetched, if it was. */
	before(row: Row): Row | undefined {
		return this.#before.get(this.keyOf(row));
	}

	put(row: Row): void {
		const key = this.keyOf(row);
		this.#remember(key);
		this.#now.set(key, row);
	}

	remove(row: Row): void {
		const key = this.keyOf(row);
		this.#remember(key);
		this.#now.delete(key);
	}

	/** The current unit's changes stay. */
	keep(): void {
		this.#undo.length = 0;
	}

	/** The current unit's changes are taken back. */
	takeBack(): void {
		while (this.#undo.length > 0) this.#undo.pop()?.();
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
