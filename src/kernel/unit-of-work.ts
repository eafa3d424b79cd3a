import type { EventDraft } from "./event-draft.ts";
import { type InSpace, inSpace, isWithin, type UnitSpace } from "./space.ts";

/** A unit of work used rows, or the clock, that its read set does not name: a defect of the unit, on either database. */
export class ReadSetError extends Error {
	override readonly name = "ReadSetError";
}

/** Throws `ReadSetError` unless the read set names what a unit is about to use. */
export function requireNamed(isNamed: boolean, what: string): void {
	if (!isNamed) throw new ReadSetError(`a unit of work uses ${what}, which its read set does not name`);
}

interface CollectionSpec<ReadSet, Rows> {
	readonly name: string;
	/** The read set of a unit that looks at nothing and inserts. */
	readonly nothing: ReadSet;
	/** Whether the database remembers the newest event that changed its rows, by which readers know that nothing changed. */
	readonly hasRevision?: boolean;
	/**
	 * The rows as one unit sees them: none of another space than its own, and beyond its read set `ReadSetError`, though
	 * other units asked for more.
	 */
	narrow(rows: Rows, readSet: ReadSet, space: UnitSpace): Rows;
}

/**
 * A kind of rows that units of work read and change. A module declares its own; `ReadSet` says which rows a unit will
 * look at, `Rows` what it can do with them. Each database registers how it keeps them.
 */
export class Collection<ReadSet, Rows> {
	readonly name: string;
	readonly hasRevision: boolean;
	readonly #spec: CollectionSpec<unknown, unknown>;

	constructor(spec: CollectionSpec<ReadSet, Rows>) {
		this.name = spec.name;
		this.hasRevision = spec.hasRevision ?? false;
		this.#spec = spec;
	}

	/** For a unit that looks at these rows, and may change them. */
	reads(readSet: ReadSet): Read {
		return { collection: this, readSet, insertsOnly: false };
	}

	/**
	 * For a unit that looks at no row and only inserts: a group of such units can be one statement. `readSet`: what is known
	 * before without a look at the database.
	 */
	inserts(readSet = this.#spec.nothing as ReadSet): Read {
		return { collection: this, readSet, insertsOnly: true };
	}

	narrow(rows: Rows, readSet: ReadSet, space: UnitSpace): Rows {
		return this.#spec.narrow(rows, readSet, space) as Rows;
	}
}

/** Rows that units find by their id. */
export interface RowsById<Row> {
	find(id: string): Row | undefined;
	insert(row: Row): void;
	update(row: Row): void;
	remove(row: Row): void;
}

/** `narrow` for a collection in spaces whose read sets are ids. `what`: one of its rows, as an error names it. */
export function narrowToIds<Row extends InSpace & { readonly id: string }>(
	rows: RowsById<Row>,
	ids: readonly string[],
	space: UnitSpace,
	what: string,
): RowsById<Row> {
	const named = (id: string) => requireNamed(ids.includes(id), what);
	const within = (row: Row) => requireNamed(isWithin(space, row), `${what} of another space`);
	return {
		find(id) {
			named(id);
			return inSpace(space, rows.find(id));
		},
		insert(row) {
			within(row);
			rows.insert(row);
		},
		update(row) {
			named(row.id);
			within(row);
			rows.update(row);
		},
		remove(row) {
			named(row.id);
			within(row);
			rows.remove(row);
		},
	};
}

/** A collection whatever its types, for what treats all of them alike. */
export type AnyCollection = Collection<never, unknown>;

/** One collection in a unit's read set. Made by `Collection` alone, which knows the type of its read set. */
export interface Read {
	readonly collection: AnyCollection;
	readonly readSet: unknown;
	readonly insertsOnly: boolean;
}

/** Of the reads of a whole group, the read sets of this collection. Sound, because `reads` alone makes them. */
export function readSetsOf(collection: AnyCollection, reads: readonly Read[]): readonly never[] {
	return reads.flatMap((read) => (read.collection === collection ? [read.readSet as never] : []));
}

/** What a unit sees and does inside its transaction. */
export interface UnitOfWork {
	/** The database's clock in milliseconds since the epoch: one moment for a group. Not for a unit that only inserts. */
	now(): number;
	/** The rows of a collection that the unit's read set names. */
	rows<ReadSet, Rows>(collection: Collection<ReadSet, Rows>): Rows;
	/** The number of the log's newest event so far. Not for a unit that only inserts. */
	rev(): number;
	/**
	 * Appends an event in the same transaction and returns its number. Numbers rise strictly in commit order. In a unit that
	 * only inserts the number is not final yet: it may be stored in the rows that the unit inserts, and nowhere else.
	 */
	append(event: EventDraft): number;
}

/**
 * One change: what it looks at, and what it decides and does. `decide` is synchronous and may throw: then nothing of it
 * stays, while the other units of its group go on.
 */
export interface Unit<T> {
	/** The space whose rows it sees and whose events it appends; absent: it has to do with no space. */
	readonly space?: UnitSpace;
	/** Everything that it will look at or change. */
	readonly reads: readonly Read[];
	/** How many rows it may touch; absent: one, or a few. */
	readonly weight?: number;
	/** How many characters of text it keeps in memory while it waits; absent: next to none. */
	readonly textLength?: number;
	decide(work: UnitOfWork): T;
}

/** What one module adds to a unit of another. */
export type UnitPart = Pick<Unit<void>, "reads" | "decide">;

/** Does a unit of work in a transaction. Resolves after its commit is on disk. Throws `unavailable` where that cannot be. */
export type RunUnit = <T>(unit: Unit<T>) => Promise<T>;
