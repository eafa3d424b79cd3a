import type { Database } from "bun:sqlite";

/**
 * A random number in the header of a database file, by which a server recognises the file even if somebody overwrites it
 * in place, and a backup recognises a WAL that belongs to another file. It is kept as `PRAGMA user_version`; 0 is none.
 */
export function ensureFileId(database: Database): number {
	const isNew = database.transaction(() => fileId(database) === 0 && setFileId(database, randomId()));
	if (isNew.immediate()) {
		// The header is read from the file itself, so the number must not stay in the WAL alone.
		database.run("PRAGMA wal_checkpoint(PASSIVE)");
	}
	return fileId(database);
}

/** A copy gets a number of its own when it is first opened. */
export function clearFileId(database: Database): void {
	setFileId(database, 0);
}

export function fileId(database: Database): number {
	return database.query<{ user_version: number }, []>("PRAGMA user_version").get()?.user_version ?? 0;
}

function setFileId(database: Database, id: number): true {
	database.run(`PRAGMA user_version = ${id}`);
	return true;
}

function randomId(): number {
	const [id = 0] = crypto.getRandomValues(new Int32Array(1));
	return id === 0 ? 1 : id;
}
