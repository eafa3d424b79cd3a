import { Database } from "bun:sqlite";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { StartupError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { jobStore } from "../job-store.ts";
import type { Storage } from "../storage.ts";
import { taskStore } from "../task-store.ts";
import { CommitNotifier } from "./commit-notifier.ts";
import { describe, isBusy } from "./errors.ts";
import { eventStore } from "./events.ts";
import { idempotencyStore } from "./idempotency.ts";
import { jobReads } from "./jobs-reads.ts";
import { beginEpochOfCopy } from "./log-epoch.ts";
import { migrate } from "./migrate.ts";
import * as schema from "./schema.ts";
import { settingStore } from "./settings.ts";
import { CommitStamp } from "./stamp.ts";
import { taskReads } from "./tasks.ts";
import { userStore } from "./users.ts";
import { SqliteWriter } from "./writer.ts";

/** How long a statement may block the process for another process's lock; the writer itself tries again, awake. */
const busyTimeoutMs = 50;

/** How long opening waits for other processes that open, migrate or close the same file. */
const openingMsMax = 10_000;
const openingRetryMs = 5;

export async function openSqlite(
	path: string,
	log: Log,
	told: (migration: string) => void,
): Promise<Storage> {
	const { database, stamp: shared } = open(path, told);
	const db = drizzle(database, { schema });
	const signal = new CommitNotifier(database);
	const writer = new SqliteWriter(database, db, log, () => signal.committed());
	const stamp = shared === undefined ? () => writer.commits : () => shared.now();
	return {
		tasks: taskStore(writer, taskReads(database, db, stamp)),
		jobs: jobStore(writer, jobReads(database, db, writer)),
		users: userStore(writer, db, stamp),
		events: eventStore(database, db, writer, signal),
		answers: idempotencyStore(writer, db),
		settings: settingStore(writer, db),
		writes: () => writer.counts,
		async ping() {
			database.query("SELECT 1").get();
		},
		async stop() {
			await writer.stop();
			signal.stop();
			database.close();
		},
	};
}

interface Opened {
	readonly database: Database;
	/** Absent for a database in memory, which no other process can change. */
	readonly stamp: CommitStamp | undefined;
}

function open(path: string, told: (migration: string) => void): Opened {
	try {
		if (path === ":memory:") return { database: connect(path, told), stamp: undefined };
		return openShared(path, told);
	} catch (error) {
		if (error instanceof StartupError) throw error;
		throw new StartupError(`The database ${path} cannot be used: ${describe(error)}.`, { cause: error });
	}
}

/**
 * Processes that open one new file at once are in each other's way where SQLite does not wait: while one turns the
 * journal to WAL, or closes as the last, another's lock fails as busy at once, whatever its time-out.
 */
function openShared(path: string, told: (migration: string) => void): Opened {
	const deadline = performance.now() + openingMsMax;
	for (;;) {
		try {
			const stamp = CommitStamp.map(path);
			const database = connect(path, told);
			if (stamp.isCurrent) return { database, stamp };
			database.close();
		} catch (error) {
			if (!isBusy(error) || performance.now() > deadline) throw error;
		}
		Bun.sleepSync(openingRetryMs);
	}
}

function connect(path: string, told: (migration: string) => void): Database {
	const database = new Database(path, { create: true, readwrite: true, strict: true });
	try {
		database.run(`PRAGMA busy_timeout = ${openingMsMax}`);
		database.run("PRAGMA journal_mode = WAL");
		database.run("PRAGMA synchronous = FULL");
		database.run("PRAGMA foreign_keys = ON");
		migrate(database, told);
		beginEpochOfCopy(database);
		// SQLite opens a file that this user may only read without a word, and fails with the first write.
		for (const step of ["BEGIN IMMEDIATE", "PRAGMA user_version = 0", "ROLLBACK"]) database.run(step);
		database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}
