import type { Database } from "bun:sqlite";
import type { Table } from "drizzle-orm";
import { defaultSpace, type InSpace, type SpaceId } from "../../kernel/space.ts";
import type { AnyCollection, Collection, RunUnit } from "../../kernel/unit-of-work.ts";
import type { NewEpoch } from "../log-epoch.ts";
import type { CommitNotifier } from "./commit-notifier.ts";
import type { Db } from "./connection.ts";
import type { Reads } from "./reads.ts";

/**
 * The rows of a collection as units of work see them, inside the writer's transaction. SQLite reads and writes them in
 * place, so nothing is fetched before, and the savepoint of a unit undoes its writes.
 */
export abstract class RowsInPlace {
	/** The space of each row that the group has written, one after the other. */
	readonly #spaces: SpaceId[] = [];
	#kept = 0;

	/** Must be called with every write of a row. Rows that are in no space count as rows of `default`. */
	protected wrote({ space }: InSpace = { space: defaultSpace }): void {
		this.#spaces.push(space);
	}

	/** Whether the current unit has written. */
	get isChangedByUnit(): boolean {
		return this.#spaces.length > this.#kept;
	}

	/** The spaces in which the group has changed rows. */
	get changedSpaces(): ReadonlySet<SpaceId> {
		return new Set(this.#spaces);
	}

	/** After the group's begin. */
	begin(): void {
		this.#spaces.length = this.#kept = 0;
	}

	/** Keeps the current unit's changes. */
	keep(): void {
		this.#kept = this.#spaces.length;
	}

	/** Undoes the current unit's changes, with its savepoint. */
	undo(): void {
		this.#spaces.length = this.#kept;
	}

	/** Before the group's commit: writes what is written once per group. */
	write(): void {}
}

/** What a collection's store is built from. */
export interface StoreContext extends Reads {
	readonly database: Database;
	readonly db: Db;
	readonly run: RunUnit;
	/** Changes with every commit, this process's or another's. */
	readonly changeCounter: () => number;
	readonly notifier: CommitNotifier;
	/** The tables whose rows are in spaces. */
	readonly tablesInSpaces: readonly string[];
}

/** Pairs a collection with rows of its own types, which `Registration` leaves out so that all can be in one list. */
export function unitsOf<ReadSet, Rows>(
	collection: Collection<ReadSet, Rows>,
	rows: (database: Database, db: Db) => RowsInPlace & NoInfer<Rows>,
): { readonly collection: AnyCollection; rows(database: Database, db: Db): RowsInPlace } {
	return { collection, rows };
}

/** How a collection is stored in SQLite; collections.ts registers it. */
export interface Registration<Store, Rows = Readonly<Record<string, unknown>>> {
	/** Its tables, and the modules' types of their rows. */
	readonly tables: { readonly [Name in keyof Rows]: Table & { readonly $inferSelect: Rows[Name] } };
	/** For a collection that units of work read and change. */
	readonly units?: {
		readonly collection: AnyCollection;
		rows(database: Database, db: Db): RowsInPlace;
	};
	/** Invalidates what its rows hold of earlier epochs of the log: fences, token generations. */
	beginEpoch?(database: Database, epoch: NewEpoch): void;
	/** The module's interface to the database. */
	store(context: StoreContext): Store;
}
