import { Database } from "bun:sqlite";
import { drizzle } from "drizzle-orm/bun-sqlite";
import { StartupError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { jobStore } from "../job-store.ts";
import type { Storage } from "../storage.ts";
import { taskStore } from "../task-store.ts";
import { answerStore } from "./answers.ts";
import { userStore } from "./auth.ts";
import { CommitSignal } from "./events-signal.ts";
import { eventStore } from "./events-store.ts";
import { describe } from "./faults.ts";
import { jobReads } from "./jobs-reads.ts";
import { beginLifeOfCopy } from "./life.ts";
import { migrate } from "./migrate.ts";
import * as schema from "./schema.ts";
import { settingStore } from "./settings.ts";
import { CommitStamp } from "./stamp.ts";
import { taskReads } from "./tasks.ts";
import { SqliteWriter } from "./writer.ts";

/** How long a statement may block the process for another process's lock; the writer itself tries again, awake. */
const busyTimeoutMs = 50;

export async function openSqlite(
	path: string,
	log: Log,
	told: (migration: string) => void,
): Promise<Storage> {
	const { database, stamp: shared } = open(path, told);
	const db = drizzle(database, { schema });
	const signal = new CommitSignal(database);
	const writer = new SqliteWriter(database, db, log, () => signal.committed());
	const stamp = shared === undefined ? () => writer.commits : () => shared.now();
	return {
		tasks: taskStore(writer, taskReads(database, db, stamp)),
		jobs: jobStore(writer, jobReads(database, db, writer)),
		users: userStore(writer, db, stamp),
		events: eventStore(database, db, writer, signal),
		answers: answerStore(writer, db),
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
		for (;;) {
			const stamp = CommitStamp.map(path);
			const database = connect(path, told);
			if (stamp.isCurrent) return { database, stamp };
			database.close();
		}
	} catch (error) {
		if (error instanceof StartupError) throw error;
		throw new StartupError(`The database ${path} cannot be used: ${describe(error)}.`, { cause: error });
	}
}

function connect(path: string, told: (migration: string) => void): Database {
	const database = new Database(path, { create: true, readwrite: true, strict: true });
	try {
		database.run("PRAGMA busy_timeout = 10000");
		database.run("PRAGMA journal_mode = WAL");
		database.run("PRAGMA synchronous = FULL");
		database.run("PRAGMA foreign_keys = ON");
		migrate(database, told);
		beginLifeOfCopy(database);
		// SQLite opens a file that this user may only read without a word, and fails with the first write.
		for (const step of ["BEGIN IMMEDIATE", "PRAGMA user_version = 0", "ROLLBACK"]) database.run(step);
		database.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}
