import type { WriteCounts } from "../metrics/store.ts";
import type { RunUnit } from "../unit-of-work.ts";
import type { collections } from "./sqlite/collections.ts";

/** The stores that a dialect's registered collections open. */
export type StoresOf<Collections extends Readonly<Record<string, { store(context: never): unknown }>>> = {
	readonly [Name in keyof Collections]: ReturnType<Collections[Name]["store"]>;
};

/** The stores of every collection. SQLite's registration names them; the compiler holds Postgres' to the same. */
type Stores = StoresOf<typeof collections>;

/** A database with its schema up to date, as the modules see it. */
export interface Storage extends Stores {
	/** Does a unit of work. */
	readonly run: RunUnit;
	/** What this process's writer has done so far. */
	writes(): WriteCounts;
	/** Resolves when the database has answered. */
	ping(): Promise<void>;
	/** Finishes what has been handed in, then closes. Idempotent. */
	stop(): Promise<void>;
}
