import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Times are milliseconds since the epoch. Mirrors postgres/schema.ts; parity.ts holds the two to equal row types. */

export const users = sqliteTable("users", {
	id: text().primaryKey(),
	email: text().notNull().unique(),
	passwordHash: text("password_hash").notNull(),
	/** Raised by a new password; tokens of an older generation end with it. */
	tokenGeneration: integer("token_generation").notNull(),
	createdAt: integer("created_at").notNull(),
});

export const tasks = sqliteTable("tasks", {
	/** The number of the event that created the task: commit order, never used twice. */
	seq: integer().primaryKey(),
	id: text().notNull().unique(),
	title: text().notNull(),
	description: text().notNull(),
	version: integer().notNull(),
	createdAt: integer("created_at").notNull(),
	updatedAt: integer("updated_at").notNull(),
});

export const events = sqliteTable("events", {
	id: integer().primaryKey(),
	type: text().notNull(),
	subject: text().notNull(),
	/** The resource after the change, as canonical JSON. */
	data: text().notNull(),
	requestId: text("request_id").notNull(),
	time: integer().notNull(),
});

/** One row. Whoever writes holds it to the commit: that is what puts event numbers in commit order. */
export const logHead = sqliteTable("log_head", {
	one: integer().primaryKey(),
	/** The newest event's number. */
	rev: integer().notNull(),
	/** The number of the newest event that touched a task. */
	tasksRev: integer("tasks_rev").notNull(),
	/** The number of the newest event that retention has removed; 0 if none. */
	purgedRev: integer("purged_rev").notNull(),
});

export const idempotency = sqliteTable(
	"idempotency",
	{
		/** The caller and the route. */
		scope: text().notNull(),
		key: text().notNull(),
		/** SHA-256 of the canonical request. */
		requestHash: text("request_hash").notNull(),
		/** The first answer's body. */
		body: text().notNull(),
		createdAt: integer("created_at").notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.scope, table.key] }),
		index("idempotency_age").on(table.createdAt),
	],
);

/** What the database itself must remember: secrets made at first start, the log's identity. */
export const settings = sqliteTable("settings", {
	name: text().primaryKey(),
	value: text().notNull(),
});
