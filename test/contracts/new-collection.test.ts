import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { collections as ofPostgres } from "../../src/storage/postgres/collections.ts";
import { CommitNotifier } from "../../src/storage/postgres/commit-notifier.ts";
import { openCollections as openOnPostgres } from "../../src/storage/postgres/database.ts";
import { EpochGuard } from "../../src/storage/postgres/log-epoch.ts";
import { collections as ofSqlite } from "../../src/storage/sqlite/collections.ts";
import { openCollections as openOnSqlite } from "../../src/storage/sqlite/database.ts";
import { taskService } from "../../src/tasks/service.ts";
import { systemContext } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { openPool, postgresAddress } from "../support/pool.ts";
import { silentLog } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { openTestStorage } from "../support/storage.ts";
import { pageQuery } from "../support/task-pages.ts";
import { notes as notesOfPostgres } from "./notes/postgres.ts";
import { notes as notesOfSqlite } from "./notes/sqlite.ts";
import { noteService } from "./notes/store.ts";

/**
 * The worked example of docs/architecture.md: a collection that this program does not have is added by its module, one
 * file per dialect, its registration and its table; no other file of storage/ knows of it.
 */

const log = await silentLog();

async function open(url: string) {
	await (await openTestStorage(url)).stop();
	await runSql(
		url,
		"CREATE TABLE notes (seq bigint PRIMARY KEY, id uuid NOT NULL UNIQUE, text text NOT NULL, space integer NOT NULL)",
	);
	if (url.startsWith("sqlite")) {
		const database = new Database(url.slice("sqlite:///".length), { strict: true });
		return openOnSqlite(database, log, { ...ofSqlite, notes: notesOfSqlite });
	}
	const pool = await openPool(url, 4);
	const epochs = new EpochGuard(pool, log, Object.values(ofPostgres));
	await epochs.check();
	const notifier = new CommitNotifier(postgresAddress(url), async () => {}, log);
	return openOnPostgres({ pool, epochs, notifier, log }, { ...ofPostgres, notes: notesOfPostgres });
}

describe.each([...durableDatabases])("a new collection on $name", ({ newUrl }) => {
	test("works once it is registered: its units are committed with those of others, in order and atomically", async () => {
		const url = await newUrl();
		const { stores, run, stop } = await open(url);
		const notes = noteService(run);
		const tasks = taskService(stores.tasks, run);
		const create = (title: string) =>
			tasks.create({
				id: newId(),
				author: "Ada",
				task: { title },
				idempotent: undefined,
				now: 1,
				context: systemContext,
			});
		const [first, second] = [newId(), newId()];
		// A group that only inserts, then one that reads, each with units of two collections.
		await Promise.all([notes.create(first, "a"), create("t"), notes.create(second, "b")]);
		const outcomes = await Promise.allSettled([
			notes.append(first, "1"),
			notes.append(newId(), "lost"),
			create("u"),
			notes.append(first, "2"),
		]);
		expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
		expect(await stores.notes.list()).toEqual([
			{ seq: 1, id: first, text: "a12", space: 1 },
			{ seq: 3, id: second, text: "b", space: 1 },
		]);
		const { rows } = await stores.tasks.list(pageQuery({ order: "asc", limit: 9 }));
		expect(rows.map(({ title, seq }) => [title, seq])).toEqual([
			["t", 2],
			["u", 5],
		]);
		expect((await stores.events.range()).rev).toBe(6);
		await stop();
		expect(await runSql(url, "SELECT collection FROM revisions ORDER BY collection")).toEqual([
			{ collection: "notes" },
			{ collection: "tasks" },
		]);
	});
});
