import type { Database } from "bun:sqlite";
import { asc, desc, eq, sql } from "drizzle-orm";
import type { Head, TaskPage, TaskPageQuery, TaskRow, TaskWork } from "../../tasks/store.ts";
import type { TaskReads } from "../task-store.ts";
import type { Db } from "./connection.ts";
import { read, readNow } from "./errors.ts";
import { logHead, tasks } from "./schema.ts";

/** Rows as a change sees them, inside the writer's transaction. */
export function taskRows(database: Database, db: Db): TaskWork["tasks"] {
	const find = findById(db);
	// Raw, because every create runs it: drizzle's placeholders cost three times the insert itself.
	const insert = database.query(
		"INSERT INTO tasks (seq, id, title, description, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
	);
	const update = db
		.update(tasks)
		.set({
			title: sql`${sql.placeholder("title")}`,
			description: sql`${sql.placeholder("description")}`,
			version: sql`${sql.placeholder("version")}`,
			updatedAt: sql`${sql.placeholder("updatedAt")}`,
		})
		.where(eq(tasks.id, sql.placeholder("id")))
		.prepare();
	const remove = db
		.delete(tasks)
		.where(eq(tasks.id, sql.placeholder("id")))
		.prepare();
	return {
		find: (id) => find.get({ id }),
		insert: (row) =>
			void insert.run(row.seq, row.id, row.title, row.description, row.version, row.createdAt, row.updatedAt),
		update: (row) => void update.run({ ...row }),
		remove: (row) => void remove.run({ id: row.id }),
	};
}

/** `stamp` stays the same while nobody commits (see stamp.ts). */
export function taskReads(database: Database, db: Db, stamp: () => number): TaskReads {
	const find = findById(db);
	const newest = listing(db, "desc");
	const oldest = listing(db, "asc");
	const readHead = db.select({ rev: logHead.rev, tasksRev: logHead.tasksRev }).from(logHead).prepare();
	let headAt = -1;
	let head: Head = { rev: 0, tasksRev: 0 };
	function currentHead(): Head {
		const now = stamp();
		if (now !== headAt) head = readHead.get() ?? head;
		headAt = now;
		return head;
	}
	// One transaction, so that rows and number are of one moment even while another process writes.
	const page = database.transaction(({ order, limit, after }: TaskPageQuery): TaskPage => {
		const statement = order === "desc" ? newest : oldest;
		const rows = statement.all({
			after: after ?? (order === "desc" ? Number.MAX_SAFE_INTEGER : 0),
			limit: limit + 1,
		});
		return { rows: rows.slice(0, limit), more: rows.length > limit, head: readHead.get() ?? head };
	});
	return {
		find: (id) => read<TaskRow | undefined>(() => find.get({ id })),
		list: (query) => read(() => page.deferred(query)),
		head: () => readNow(currentHead),
	};
}

function findById(db: Db) {
	return db
		.select()
		.from(tasks)
		.where(eq(tasks.id, sql.placeholder("id")))
		.prepare();
}

function listing(db: Db, order: "asc" | "desc") {
	const after = sql.placeholder("after");
	return db
		.select()
		.from(tasks)
		.where(order === "desc" ? sql`${tasks.seq} < ${after}` : sql`${tasks.seq} > ${after}`)
		.orderBy(order === "desc" ? desc(tasks.seq) : asc(tasks.seq))
		.limit(sql.placeholder("limit"))
		.prepare();
}
