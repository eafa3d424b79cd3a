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
	let commits = ownCommits();
	let count = 0;
	let isShared = false;
	let mayShare = true;

	/** What continues after an own commit may run after this turn's requests: what it reads must not last into the next. */
	function afterOwnCommit(commitsNow: number): void {
		commits = commitsNow;
		count++;
		isShared = mayShare = false;
		setImmediate(() => {
			mayShare = true;
		});
	}

	function share(): void {
		isShared = true;
		setImmediate(() => {
			isShared = false;
		});
	}

	return () => {
		const commitsNow = ownCommits();
		if (commitsNow !== commits) afterOwnCommit(commitsNow);
		if (isShared) return count;
		const versionNow = dataVersion.get()?.data_version;
		if (versionNow !== version) count++;
		version = versionNow;
		if (mayShare) share();
		return count;
	};
}
