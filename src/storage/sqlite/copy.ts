import { Database } from "bun:sqlite";
import {
	closeSync,
	existsSync,
	fsyncSync,
	openSync,
	readSync,
	realpathSync,
	renameSync,
	rmSync,
} from "node:fs";
import { dirname } from "node:path";
import { StartupError } from "../../kernel/errors.ts";
import { describe, isBusy, isDamaged } from "./errors.ts";
import { clearFileId, fileId } from "./file-id.ts";
import { type Header, headerLength, parseHeader } from "./header.ts";
import { markAsCopy } from "./log-epoch.ts";
import { requireKnown } from "./migrate.ts";
import { userOfMoved } from "./open-files.ts";

/**
 * Writes a snapshot of the database at `path` to the new file `file`, with everything that was committed before: complete
 * and on disk when this returns, or not at all. Servers continue to read and write meanwhile. Throws `StartupError`.
 */
export function backUp(path: string, file: string): void {
	if (path === ":memory:") throw new StartupError("A database in memory cannot be backed up from outside.");
	requireFile(path);
	requireStillInPlace(path);
	if (existsSync(file)) throw new StartupError(`${file} is there already, and a backup overwrites nothing.`);
	writeCopy(path, file, () => {
		if (existsSync(file)) throw new StartupError(`${file} has come to be there; nothing was overwritten.`);
	});
}

/**
 * Puts a checked copy of `file` in place as the database at `path`, completely or not at all; its next opening begins a
 * new epoch of its log. An existing database is replaced only with `force`, and never while a process has it open.
 * Throws `StartupError`.
 */
export function restore(file: string, path: string, force: boolean): void {
	if (path === ":memory:") throw new StartupError("There is nowhere to restore to: DATABASE_URL is memory.");
	requireFile(file);
	if (!existsSync(path)) {
		writeCopy(file, path, () => removeBeside(path));
		return;
	}
	replace(file, path, force);
}

function replace(file: string, path: string, force: boolean): void {
	if (realpathSync(file) === realpathSync(path)) throw new StartupError(`${file} is the database itself.`);
	if (!force) {
		throw new StartupError(`There is a database at ${path}; restore with --force replaces it for good.`);
	}
	let locked: Database | undefined;
	try {
		writeCopy(file, path, (unfinished) => {
			locked = lockAlone(path);
			followOn(unfinished, locked);
			removeBeside(path);
		});
	} finally {
		locked?.close();
	}
}

/** Copies the database `from` to a temporary file beside `to`, which is renamed to `to` after `ready` has returned. */
function writeCopy(from: string, to: string, ready: (unfinished: string) => void): void {
	const unfinished = `${to}.${process.pid}.unfinished`;
	try {
		// Created first, for its mode: a copy contains the server's secrets.
		closeSync(openSync(unfinished, "wx", 0o600));
		vacuumInto(from, unfinished);
		inDatabase(unfinished, (copy) => {
			requireSound(copy, to);
			markAsCopy(copy);
			clearFileId(copy);
		});
		ready(unfinished);
		flush(unfinished);
		renameSync(unfinished, to);
		flush(dirname(to));
	} catch (error) {
		throw error instanceof StartupError
			? error
			: new StartupError(`${from} cannot be copied to ${to}: ${describe(error)}.`, { cause: error });
	} finally {
		rmSync(unfinished, { force: true });
		removeBeside(unfinished);
	}
}

/** One read transaction, which does not block writers of the same file. */
function vacuumInto(from: string, to: string): void {
	const header = readHeader(from);
	inDatabase(from, (database) => {
		// A WAL is replayed into whatever file is beside it. If the id is new, it may be in the WAL alone.
		if (header.fileId !== 0 && header.fileId !== fileId(database)) {
			throw new StartupError(`${from} and ${from}-wal do not belong together.`);
		}
		requireOurs(database, from);
		requireSound(database, from);
		database.run("VACUUM INTO ?", [to]);
	});
}

function inDatabase(path: string, use: (database: Database) => void): void {
	const database = new Database(path, { readwrite: true, create: false, strict: true });
	try {
		database.run("PRAGMA busy_timeout = 10000");
		use(database);
	} finally {
		database.close();
	}
}

function requireFile(path: string): void {
	if (!existsSync(path)) throw new StartupError(`There is no file ${path}.`);
}

/**
 * Throws for a file that is no database. SQLite would not notice where the WAL has every page, and would remove the WAL
 * of an empty file.
 */
function readHeader(path: string): Header {
	const bytes = Buffer.alloc(headerLength);
	const opened = openSync(path, "r");
	try {
		const length = readSync(opened, bytes, 0, headerLength, 0);
		if (length === 0) throw new StartupError(`${path} is not a database of this program.`);
	} finally {
		closeSync(opened);
	}
	const header = parseHeader(bytes);
	if (header === undefined) throw Object.assign(new Error("no header"), { code: "SQLITE_NOTADB" });
	return header;
}

function requireStillInPlace(path: string): void {
	const pid = userOfMoved(path);
	if (pid === undefined) return;
	throw new StartupError(
		`The process ${pid} uses a database that is no longer at ${path}: it was removed or replaced. Stop that process, or put its database back.`,
	);
}

function requireOurs(database: Database, path: string): void {
	const tables = database
		.query<{ count: number }, []>(
			"SELECT count(*) AS count FROM sqlite_master WHERE name IN ('schema_migrations', 'log_head', 'settings')",
		)
		.get();
	if (tables?.count !== 3) throw new StartupError(`${path} is not a database of this program.`);
	requireKnown(database);
}

function requireSound(database: Database, path: string): void {
	const found = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check(1)").get();
	if (found?.integrity_check === "ok") return;
	throw new StartupError(`${path} is damaged: ${found?.integrity_check.replaceAll("\n", " ")}.`);
}

/**
 * Opens the database with an exclusive lock. A server keeps it open in WAL mode, which a process can leave only while no
 * other one has it open; leaving it removes the WAL and its index.
 */
function lockAlone(path: string): Database | undefined {
	const database = new Database(path, { readwrite: true, create: false, strict: true });
	try {
		database.run("PRAGMA journal_mode = DELETE");
		database.run("BEGIN EXCLUSIVE");
		return database;
	} catch (error) {
		database.close();
		if (isBusy(error)) throw new StartupError(`A process has ${path} open: stop it first.`);
		// Too damaged to be read: a restore must still be able to replace it.
		if (isDamaged(error)) return undefined;
		throw error;
	}
}

/** The new epoch begins after all numbers of the replaced database, even if the clock was set back. */
function followOn(unfinished: string, replaced: Database | undefined): void {
	const rev = replaced && revOf(replaced);
	if (rev === undefined) return;
	inDatabase(unfinished, (copy) => copy.run("UPDATE log_head SET rev = max(rev, ?)", [rev]));
}

function revOf(database: Database): number | undefined {
	try {
		return database.query<{ rev: number }, []>("SELECT rev FROM log_head").get()?.rev;
	} catch {
		return undefined;
	}
}

/** SQLite's files beside a database belong only to it: they would be replayed into another one of the same name. */
function removeBeside(path: string): void {
	for (const suffix of ["-journal", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

function flush(path: string): void {
	const opened = openSync(path, "r");
	try {
		fsyncSync(opened);
	} finally {
		closeSync(opened);
	}
}
