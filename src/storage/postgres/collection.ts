import type { Table } from "drizzle-orm";
import type { SpaceId } from "../../kernel/space.ts";
import type { AnyCollection, Collection, RunUnit } from "../../kernel/unit-of-work.ts";
import type { NewEpoch } from "../log-epoch.ts";
import type { CommitNotifier } from "./commit-notifier.ts";
import type { Db, Fragment, Sql, Tx } from "./connection.ts";
import type { HeadOfGroup } from "./head-of-group.ts";
import type { EpochGuard } from "./log-epoch.ts";
import type { Pool } from "./pool.ts";

/**
 * The rows of a collection that a group of units works on: fetched before, changed in memory by one unit after the
 * other, written back together.
 */
export interface GroupRows<ReadSet, Rows> {
	/** As units see them. */
	readonly rows: Rows;
	/** Fetches the rows that the units of the group read, with all statements pipelined. */
	fetch(tx: Tx, readSets: readonly ReadSet[]): Promise<void>;
	/** Keeps the current unit's changes. */
	keep(): void;
	/** Undoes the current unit's changes. */
	undo(): void;
	/** After all: nothing of the group was written. */
	abandon?(): void;
	/** The spaces in which the group has changed rows. */
	readonly changedSpaces: ReadonlySet<SpaceId>;
	/** Begins the statements that write the group's changes. */
	write(tx: Tx): readonly PromiseLike<unknown>[];
	/** For a collection whose inserts may be part of the log's own statement: the statements that insert its new rows. */
	insertAfter?(sql: Sql, head: HeadOfGroup): readonly Fragment[];
}

/** What a collection's store is built from. */
export interface StoreContext {
	readonly pool: Pool;
	/** The query builder, on the same connections. */
	readonly db: Db;
	readonly run: RunUnit;
	readonly epochs: EpochGuard;
	readonly notifier: CommitNotifier;
	/** The tables whose rows are in spaces. */
	readonly tablesInSpaces: readonly string[];
}

/** What a collection has for the groups of one database's writer. */
export interface GroupSource<ReadSet, Rows> {
	/** The rows of a new group. */
	rows(): GroupRows<ReadSet, Rows>;
	/** Provides what the units of a group need before they run, and is no row. Undefined: nothing has to be waited for. */
	prepare?(readSets: readonly ReadSet[]): Promise<void> | undefined;
	/** After the last group. */
	stop?(): Promise<void>;
}

/** What a source of groups is built from. */
export type GroupContext = Pick<StoreContext, "pool" | "epochs">;

/** How units of work read and change a collection, whatever its types. */
export interface Units {
	readonly collection: AnyCollection;
	open(context: GroupContext): GroupSource<never, unknown>;
}

/** Pairs a collection with rows of its own types, which `Registration` leaves out so that all can be in one list. */
export function unitsOf<ReadSet, Rows>(
	collection: Collection<ReadSet, Rows>,
	rows: () => GroupRows<NoInfer<ReadSet>, NoInfer<Rows>>,
): Units {
	return { collection, open: () => ({ rows }) };
}

/** As `unitsOf`, for a collection that keeps something from one group to the next. */
export function unitsFrom<ReadSet, Rows>(
	collection: Collection<ReadSet, Rows>,
	open: (context: GroupContext) => GroupSource<NoInfer<ReadSet>, NoInfer<Rows>>,
): Units {
	return { collection, open };
}

/** How a collection is stored in Postgres; collections.ts registers it. */
export interface Registration<Store, Rows = Readonly<Record<string, unknown>>> {
	/** Its tables, and the modules' types of their rows. */
	readonly tables: { readonly [Name in keyof Rows]: Table & { readonly $inferSelect: Rows[Name] } };
	/** For a collection that units of work read and change. */
	readonly units?: Units;
	/** Invalidates what its rows hold of earlier epochs of the log: fences, token generations. */
	beginEpoch?(tx: Tx, epoch: NewEpoch): PromiseLike<unknown>;
	/** The module's interface to the database. */
	store(context: StoreContext): Store;
}
