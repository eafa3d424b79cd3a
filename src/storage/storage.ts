import type { RunUnit } from "../kernel/unit-of-work.ts";
import type { WriteCounts } from "../metrics/store.ts";
import type { collections } from "./sqlite/collections.ts";

/** The stores that a dialect's registered collections open. */
export type StoresOf<Collections extends Readonly<Record<string, { store(context: never): unknown }>>> = {
	readonly [Name in keyof Collections]: ReturnType<Collections[Name]["store"]>;
};

/** The stores of every collection, typed by SQLite's registration; the compiler checks that Postgres' is equal. */
type Stores = StoresOf<typeof collections>;

/** A database with its schema up to date, as the modules see it. */
export interface Storage extends Stores {
	/** Commits a unit of work. */
	readonly run: RunUnit;
	/** The counters of this process's writer. */
	writes(): WriteCounts;
	/** The database's clock, in milliseconds since the epoch. */
	now(): Promise<number>;
	/** Resolves when the database has answered. */
	ping(): Promise<void>;
	/** Commits the pending units, then closes. Idempotent. */
	stop(): Promise<void>;
}
