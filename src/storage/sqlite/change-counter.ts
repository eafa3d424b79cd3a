import type { Database } from "bun:sqlite";

/**
 * A number that stays the same while nobody commits to the database: for telling whether what was read before still holds.
 *
 * `PRAGMA data_version` changes with the commits of every other connection, and not with one's own
 * (sqlite.org/pragma.html#pragma_data_version); those the writer counts. The pragma takes a read lock, a tenth of what a
 * kept list costs, so the requests of one turn of the event loop share one. That is correct for what a client has waited
 * for: its request arrived before the turn's sockets were polled, so before the pragma, or it is of a later turn. Only
 * a request that is pipelined behind another may miss what another process has committed since.
 */
export function changeCounter(database: Database, ownCommits: () => number): () => number {
	const dataVersion = database.query<{ data_version: number }, []>("PRAGMA data_version");
	let version: number | undefined;
	let commits = -1;
	let count = 0;
	let isOfThisTurn = false;

	function currentVersion(): number | undefined {
		if (isOfThisTurn) return version;
		isOfThisTurn = true;
		setImmediate(() => {
			isOfThisTurn = false;
		});
		return dataVersion.get()?.data_version;
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
