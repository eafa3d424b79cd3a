import { Database } from "bun:sqlite";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { StartupError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Storage, StoresOf } from "../storage.ts";
import { changeCounter } from "./change-counter.ts";
import { databaseClock } from "./clock.ts";
import type { Registration, StoreContext } from "./collection.ts";
import { collections } from "./collections.ts";
import { CommitNotifier } from "./commit-notifier.ts";
import { describe, isBusy, read } from "./errors.ts";
import { beginEpochOfCopy } from "./log-epoch.ts";
import { migrate } from "./migrate.ts";
import { SqliteWriter } from "./writer.ts";

/** How long a statement may block this process for another's lock; the writer itself retries without blocking. */
const busyTimeoutMs = 50;

/** How long `open` waits for other processes that open, migrate or close the same file. */
const openingMsMax = 10_000;
const openingRetryMs = 5;

export async function openSqlite(
	path: string,
	log: Log,
	onMigration: (name: string) => void,
): Promise<Storage> {
	const database = open(path, onMigration);
	const { stores, run, counts, stop } = openCollections(database, log, collections);
	const now = databaseClock(database);
	return {
		...stores,
		run,
		writes: counts,
		now: () => read(now),
		async ping() {
			database.query("SELECT 1").get();
		},
		async stop() {
			await stop();
			database.close();
		},
	};
}

type Collections = Readonly<Record<string, Registration<unknown>>>;

/** The stores of these collections, with one writer for all of them. */
export function openCollections<C extends Collections>(database: Database, log: Log, registered: C) {
	const db = drizzle(database);
	const notifier = new CommitNotifier(database);
	const rows = new Map(
		Object.values(registered).flatMap(({ units }) =>
			units === undefined ? [] : [[units.collection, units.rows(database, db)]],
		),
	);
	const writer = new SqliteWriter(database, rows, log, () => notifier.committed());
	const context: StoreContext = {
		database,
		db,
		run: (unit) => writer.run(unit),
		changeCounter: changeCounter(database, () => writer.ended),
		notifier,
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
 * closes as the last one, another gets `SQLITE_BUSY` at once, whatever its timeout.
 */
function open(path: string, onMigration: (name: string) => void): Database {
	const deadline = performance.now() + openingMsMax;
	for (;;) {
		try {
			return connect(path, onMigration);
		} catch (error) {
			if (error instanceof StartupError) throw error;
			if (!isBusy(error) || performance.now() > deadline) {
				throw new StartupError(`The database ${path} cannot be used: ${describe(error)}.`, { cause: error });
			}
		}
		Bun.sleepSync(openingRetryMs);
	}
}

function connect(path: string, onMigration: (name: string) => void): Database {
	const database = new Database(path, { create: true, readwrite: true, strict: true });
	try {
		database.run(`PRAGMA busy_timeout = ${openingMsMax}`);
		database.run("PRAGMA journal_mode = WAL");
		database.run("PRAGMA synchronous = FULL");
		database.run("PRAGMA foreign_keys = ON");
		migrate(database, onMigration);
		beginEpochOfCopy(database, Object.values(collections));
		// SQLite opens a read-only file without an error, and fails at the first write.
		for (const step of ["BEGIN IMMEDIATE", "PRAGMA user_version = 0", "ROLLBACK"]) database.run(step);
		database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}
