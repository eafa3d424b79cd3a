import { SQLiteError } from "bun:sqlite";
import { unavailable } from "../write-queue.ts";

const descriptions: Readonly<Record<string, string>> = {
	SQLITE_CANTOPEN: "it cannot be opened; does its folder exist, and may this user write there",
	SQLITE_NOTADB: "the file is not a SQLite database",
	SQLITE_CORRUPT: "the file is damaged",
	SQLITE_READONLY: "it cannot be written to",
	SQLITE_READONLY_DIRECTORY: "its folder cannot be written to",
	SQLITE_BUSY: "another process holds its lock",
	SQLITE_FULL: "the disk is full",
	EACCES: "it cannot be written to",
	EROFS: "it cannot be written to",
};

/** A fault at the opening of a database, for a sentence. */
export function describe(error: unknown): string {
	const code = sqliteCode(error) ?? String((error as { code?: unknown } | undefined)?.code);
	return descriptions[code] ?? (error instanceof Error ? error.message : String(error));
}

function sqliteCode(error: unknown): string | undefined {
	if (error instanceof SQLiteError) return error.code;
	if (error instanceof Error && error.cause instanceof SQLiteError) return error.cause.code;
	return undefined;
}

export function isBusy(error: unknown): boolean {
	return sqliteCode(error)?.startsWith("SQLITE_BUSY") ?? false;
}

export function isDamaged(error: unknown): boolean {
	return /^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error) ?? "");
}

/** Faults of the machine rather than of the request: the same request may succeed later. */
const passing = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM|PROTOCOL)/;

/** What a caller is told of a database's error: `unavailable` where it may pass, else the defect that it is. */
export function toAppError(error: unknown): unknown {
	return passing.test(sqliteCode(error) ?? "") ? unavailable(error) : error;
}

/** Runs a read; a passing fault of the database is `unavailable`. */
export async function read<T>(query: () => T): Promise<T> {
	return readNow(query);
}

/** The same, for what nearly always is at hand. */
export function readNow<T>(query: () => T): T {
	try {
		return query();
	} catch (error) {
		throw toAppError(error);
	}
}
