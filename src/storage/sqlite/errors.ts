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

/** An error at the opening of a database, as part of a sentence. */
export function describe(error: unknown): string {
	const code = sqliteCode(error) ?? String((error as { code?: unknown } | undefined)?.code);
	return descriptions[code] ?? (error instanceof Error ? error.message : String(error));
}

export function isSqliteError(error: unknown): boolean {
	return sqliteError(error) !== undefined;
}

/** SQLite's own error: drizzle has it as the cause of another one. */
function sqliteError(error: unknown): SQLiteError | undefined {
	if (error instanceof SQLiteError) return error;
	return error instanceof Error && error.cause instanceof SQLiteError ? error.cause : undefined;
}

function sqliteCode(error: unknown): string | undefined {
	return sqliteError(error)?.code;
}

export function isBusy(error: unknown): boolean {
	return sqliteCode(error)?.startsWith("SQLITE_BUSY") ?? false;
}

export function isDamaged(error: unknown): boolean {
	return /^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error) ?? "");
}

/** Transient errors, caused by the machine and not by the request: the same request may succeed later. */
const transient = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|READONLY|CANTOPEN|NOMEM|PROTOCOL)/;

/** The error that a caller gets for a database error: `unavailable` unless a request or a defect is the cause. */
export function toAppError(error: unknown): unknown {
	const isOfMachine = transient.test(sqliteCode(error) ?? "") || isTableMissing(error);
	return isOfMachine ? unavailable(error) : error;
}

/** Somebody has removed a table; SQLite has no code for that. */
function isTableMissing(error: unknown): boolean {
	return sqliteError(error)?.message.startsWith("no such table") ?? false;
}
