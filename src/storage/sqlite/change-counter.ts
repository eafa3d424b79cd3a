import type { Database } from "bun:sqlite";

/**
 * A number that changes with every commit to the database, so that whoever kept something knows whether it still holds.
 *
 * `PRAGMA data_version` changes with the commits of every other connection, but not with those of its own
 * (sqlite.org/pragma.html#pragma_data_version); the writer counts these. The pragma takes a read lock, which is a tenth of
 * the cost of a cached list, so the requests of one turn of the event loop share one. That is correct for every request
 * whose client waited for an acknowledged commit: it was sent after the commit, so it is read in a later turn than any
 * pragma before the commit. Only a request that is pipelined behind another may miss a commit of another process.
 */
export function changeCounter(database: Database, ownCommits: () => number): () => number {
	const dataVersion = database.query<{ data_version: number }, []>("PRAGMA data_version");
	let version: number | undefined;
	let commits = -1;
	let count = 0;
	let isOfThisTurn = false;

	function currentVersion(): number | undefined {
		if (isOfThisTurn) return version;
		const found = dataVersion.get()?.data_version;
		// Not before: a query that throws says nothing of this turn.
		isOfThisTurn = true;
		setImmediate(() => {
			isOfThisTurn = false;
		});
		return found;
	}

	return () => {
		const versionNow = currentVersion();
		const commitsNow = ownCommits();
		if (versionNow !== version || commitsNow !== commits) count++;
		version = versionNow;
		commits = commitsNow;
		return count;
	};
}
