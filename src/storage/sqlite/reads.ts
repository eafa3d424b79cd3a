import type { DatabaseFiles } from "./database-files.ts";

/** How a store reads. */
export interface Reads {
	/** Runs a read; throws `unavailable` on a transient error, and for a database that is lost or damaged. */
	read<T>(query: () => T): Promise<T>;
	/** The same, synchronous. */
	readNow<T>(query: () => T): T;
}

export function readsOf(files: DatabaseFiles): Reads {
	function readNow<T>(query: () => T): T {
		try {
			return query();
		} catch (error) {
			throw files.toAppError(error);
		}
	}
	return { readNow, read: async (query) => readNow(query) };
}
