import type { Database } from "bun:sqlite";

/** The database's clock, in milliseconds since the epoch. */
export function databaseClock(database: Database): () => number {
	const read = database.query<{ now: number }, []>(
		"SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) AS now",
	);
	return () => {
		const row = read.get();
		if (row === null) throw new Error("the database has no clock");
		return row.now;
	};
}
