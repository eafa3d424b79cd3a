import type { AnyCollection, RunUnit } from "../../unit-of-work.ts";
import type { CommitNotifier } from "./commit-notifier.ts";
import type { Db, Fragment, Sql, Tx } from "./connection.ts";
import type { HeadOfGroup } from "./event-appender.ts";
import type { EpochGuard } from "./log-epoch.ts";

/**
 * The rows of a collection that a group of units has in hand: fetched before, changed in memory by one unit after the
 * other, written back together.
 */
export interface GroupRows<ReadSet, Rows> {
	/** As units see them. */
	readonly rows: Rows;
	/** Fetches what the units of the group will look at, with all statements in one flight. */
	fetch(tx: Tx, readSets: readonly ReadSet[]): Promise<void>;
	/** The current unit's changes stay. */
	keep(): void;
	/** The current unit's changes are undone. */
	undo(): void;
	/** Whether the group has changed a row. */
	readonly isChanged: boolean;
	/** The statements that write the group's changes, begun. */
	write(tx: Tx): readonly PromiseLike<unknown>[];
	/** For a collection whose inserts may go along in the log's own statement: the statement of the rows inserted. */
	insertAfter?(sql: Sql, head: HeadOfGroup): Fragment;
}

/** What a collection's reads stand on. */
export interface StoreContext {
	readonly sql: Sql;
	readonly db: Db;
	readonly run: RunUnit;
	readonly epochs: EpochGuard;
	readonly notifier: CommitNotifier;
}

/** How a collection is kept in Postgres; collections.ts registers it. */
export interface Registration<Store, Rows = Readonly<Record<string, unknown>>> {
	/** Its tables, whose rows the modules know by these types. */
	readonly tables: { readonly [Name in keyof Rows]: { readonly $inferSelect: Rows[Name] } };
	/** For a collection that units of work read and change. */
	readonly units?: {
		readonly collection: AnyCollection;
		/** Those of a new group. */
		rows(): GroupRows<never, unknown>;
	};
	/** What the module reads, and whatever else it asks of the database. */
	store(context: StoreContext): Store;
}
