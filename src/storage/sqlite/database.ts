import { Database } from "bun:sqlite";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { StartupError } from "../../kernel/errors.ts";
import type { Log } from "../../kernel/log.ts";
import type { Storage, StoresOf } from "../storage.ts";
import { tablesInSpaces } from "../table-columns.ts";
import { changeCounter } from "./change-counter.ts";
import { databaseClock } from "./clock.ts";
import type { Registration, StoreContext } from "./collection.ts";
import { collections } from "./collections.ts";
import { CommitNotifier } from "./commit-notifier.ts";
import { DatabaseFiles } from "./database-files.ts";
import { describe, isBusy } from "./errors.ts";
import { ensureFileId, fileId } from "./file-id.ts";
import { createPrivately, filesOpenToOthers } from "./file-modes.ts";
import { beginEpochOfCopy } from "./log-epoch.ts";
import { migrate } from "./migrate.ts";
import { pingOf } from "./ping.ts";
import { readsOf } from "./reads.ts";
import { SqliteWriter } from "./writer.ts";

/** How long a statement may block this process for another's lock; whoever waits longer retries without blocking. */
const busyTimeoutMs = 50;

/** How long `open` waits for other processes that open, migrate, lock or close the same file. */
const openingMsMax = 10_000;
const openingRetryMs = 5;
/** After how long it says so. */
const openingMsSilent = 500;

export async function openSqlite(
	path: string,
	log: Log,
	onMigration: (name: string) => void,
): Promise<Storage> {
	const database = await open(path, log, onMigration);
	const isFile = path !== ":memory:";
	if (isFile) warnOfModes(path, log);
	const files = new DatabaseFiles(isFile ? path : undefined, fileId(database), log);
	const { stores, run, counts, stop } = openCollections(database, log, collections, files);
	const { read } = readsOf(files);
	const now = databaseClock(database);
	return {
		...stores,
		run,
		writes: counts,
		now: () => read(now),
		ping: pingOf(database, files, Object.values(collections)),
		async stop() {
			await stop();
			database.close();
			files.close();
		},
	};
}

function warnOfModes(path: string, log: Log): void {
	for (const { file, mode } of filesOpenToOthers(path)) {
		log.warn(
			{ mode },
			`Other users of this machine can open ${file}, which has the secret that signs tokens. If they should not: chmod 600 ${file}`,
		);
	}
}

type Collections = Readonly<Record<string, Registration<unknown>>>;

/** The stores of these collections, with one writer for all of them. */
export function openCollections<C extends Collections>(
	database: Database,
	log: Log,
	registered: C,
	files = new DatabaseFiles(undefined, fileId(database), log),
) {
	const db = drizzle(database);
	const notifier = new CommitNotifier(database);
	const rows = new Map(
		Object.values(registered).flatMap(({ units }) =>
			units === undefined ? [] : [[units.collection, units.rows(database, db)]],
		),
	);
	const writer = new SqliteWriter(database, rows, log, () => notifier.committed(), files);
	const context: StoreContext = {
		database,
		db,
		run: (unit) => writer.run(unit),
		changeCounter: changeCounter(database, () => writer.ended),
		notifier,
		tablesInSpaces: tablesInSpaces(registered),
		...readsOf(files),
	};
	const stores = Object.entries(registered).map(([name, { store }]) => [name, store(context)]);
	return {
		stores: Object.fromEntries(stores) as StoresOf<C>,
		run: context.run,
		counts: () => writer.counts,
		async stop() {
			await writer.stop();
			notifier.stop();
		},
	};
}

/**
 * When several processes open a new file at once, SQLite does not always wait: while one switches the journal to WAL, or
 * closes as the last one, another gets `SQLITE_BUSY` at once, whatever its timeout. Between two attempts the event loop
 * runs, so that a signal can end the start.
 */
async function open(path: string, log: Log, onMigration: (name: string) => void): Promise<Database> {
	const begun = performance.now();
	let isSilent = true;
	for (;;) {
		try {
			return connect(path, onMigration);
		} catch (error) {
			if (error instanceof StartupError) throw error;
			if (!isBusy(error) || performance.now() - begun > openingMsMax) {
				throw new StartupError(`The database ${path} cannot be used: ${describe(error)}.`, { cause: error });
			}
		}
		if (isSilent && performance.now() - begun > openingMsSilent) {
			isSilent = false;
			log.info(`Another process holds the lock of ${path}; waiting for it.`);
		}
		await Bun.sleep(openingRetryMs);
	}
}

function connect(path: string, onMigration: (name: string) => void): Database {
	if (path !== ":memory:") createPrivately(path);
	const database = new Database(path, { create: true, readwrite: true, strict: true });
	try {
		database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
		database.run("PRAGMA journal_mode = WAL");
		database.run("PRAGMA synchronous = FULL");
		database.run("PRAGMA foreign_keys = ON");
		migrate(database, onMigration);
		beginEpochOfCopy(database, Object.values(collections));
		ensureFileId(database);
		// SQLite opens a read-only file without an error, and fails at the first write.
		for (const step of ["BEGIN IMMEDIATE", "PRAGMA user_version = 0", "ROLLBACK"]) database.run(step);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}
