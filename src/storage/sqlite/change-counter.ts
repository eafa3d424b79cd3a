import type { Database } from "bun:sqlite";

/**
 * A number that changes with every commit to the database. `PRAGMA data_version` changes with the commits of every other
 * connection, but not with those of its own (sqlite.org/pragma.html#pragma_data_version); the writer counts these. It is
 * read anew each time: the next read here must see every commit that another process has acknowledged.
 */
export function changeCounter(database: Database, ownCommits: () => number): () => number {
	const dataVersion = database.query<{ data_version: number }, []>("PRAGMA data_version");
	let version = dataVersion.get()?.data_version;
	let commits = ownCommits();
	let count = 0;
	return () => {
		const versionNow = dataVersion.get()?.data_version;
		const commitsNow = ownCommits();
		if (versionNow !== version || commitsNow !== commits) count++;
		version = versionNow;
		commits = commitsNow;
		return count;
	};
}
