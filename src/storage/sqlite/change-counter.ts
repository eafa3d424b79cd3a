import type { Database } from "bun:sqlite";

/**
 * A number that stays the same while nobody commits to the database. `PRAGMA data_version` changes with the commits of
 * every other connection, and not with one's own (sqlite.org/pragma.html#pragma_data_version); those the writer counts.
 * It is asked anew each time: what another process has answered for must be seen by the next read here.
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
