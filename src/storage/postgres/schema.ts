import { bigint, index, integer, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";

/** Times are milliseconds since the epoch. Mirrors sqlite/schema.ts; parity.ts holds the two to equal row types. */

export const users = pgTable("users", {
	id: uuid().primaryKey(),
	email: text().notNull().unique(),
	passwordHash: text("password_hash").notNull(),
	/** Raised by a new password; tokens of an older generation end with it. */
	tokenGeneration: integer("token_generation").notNull(),
	createdAt: bigint("created_at", { mode: "number" }).notNull(),
});

export const tasks = pgTable("tasks", {
	/** The number of the event that created the task: commit order, never used twice. */
	seq: bigint({ mode: "number" }).primaryKey(),
	id: uuid().notNull().unique(),
	title: text().notNull(),
	description: text().notNull(),
	version: integer().notNull(),
	createdAt: bigint("created_at", { mode: "number" }).notNull(),
	updatedAt: bigint("updated_at", { mode: "number" }).notNull(),
});

export const events = pgTable("events", {
	id: bigint({ mode: "number" }).primaryKey(),
	type: text().notNull(),
	subject: text().notNull(),
	/** The resource after the change, as canonical JSON. */
	data: text().notNull(),
	requestId: text("request_id").notNull(),
	time: bigint({ mode: "number" }).notNull(),
});

/** One row. Whoever writes holds it to the commit: that is what puts event numbers in commit order. */
export const logHead = pgTable("log_head", {
	one: integer().primaryKey(),
	/** The newest event's number. */
	rev: bigint({ mode: "number" }).notNull(),
	/** The number of the newest event that touched a task. */
	tasksRev: bigint("tasks_rev", { mode: "number" }).notNull(),
	/** The number of the newest event that retention has removed; 0 if none. */
	purgedRev: bigint("purged_rev", { mode: "number" }).notNull(),
});

export const idempotency = pgTable(
	"idempotency",
	{
		/** The caller and the route. */
		scope: text().notNull(),
		key: text().notNull(),
		/** SHA-256 of the canonical request. */
		requestHash: text("request_hash").notNull(),
		/** The first answer's body. */
		body: text().notNull(),
		createdAt: bigint("created_at", { mode: "number" }).notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.scope, table.key] }),
		index("idempotency_age").on(table.createdAt),
	],
);

/** What the database itself must remember: secrets made at first start, the log's identity. */
export const settings = pgTable("settings", {
	name: text().primaryKey(),
	value: text().notNull(),
});
