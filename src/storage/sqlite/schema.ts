import { sql } from "drizzle-orm";
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { JobState } from "../../jobs/store.ts";

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

export const jobs = sqliteTable(
	"jobs",
	{
		id: text().primaryKey(),
		queue: text().notNull(),
		kind: text().notNull(),
		/** Canonical JSON, as `result` is. */
		payload: text().notNull(),
		priority: integer().notNull(),
		state: text().$type<JobState>().notNull(),
		attempt: integer().notNull(),
		maxAttempts: integer("max_attempts").notNull(),
		fence: integer().notNull(),
		settledFence: integer("settled_fence"),
		runAt: integer("run_at").notNull(),
		uniqueKey: text("unique_key"),
		worker: text(),
		leaseExpiresAt: integer("lease_expires_at"),
		leaseSeconds: integer("lease_seconds"),
		progress: real(),
		result: text(),
		error: text(),
		createdAt: integer("created_at").notNull(),
		updatedAt: integer("updated_at").notNull(),
	},
	(table) => [
		// Leases read from the front of this one; ended jobs are not in it, so it stays as short as the queue is.
		index("jobs_leasable")
			.on(table.queue, sql`priority desc`, table.runAt, table.id)
			.where(sql`state = 'queued'`),
		index("jobs_oldest").on(table.queue, table.runAt).where(sql`state = 'queued'`),
		index("jobs_due").on(table.runAt).where(sql`state = 'scheduled'`),
		index("jobs_expiring").on(table.leaseExpiresAt).where(sql`state = 'leased'`),
		index("jobs_ended").on(table.updatedAt).where(sql`state IN ('cancelled', 'dead', 'succeeded')`),
		uniqueIndex("jobs_unfinished_key")
			.on(table.queue, table.uniqueKey)
			.where(sql`unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled')`),
		index("jobs_by_queue").on(table.queue, table.id),
		index("jobs_by_kind").on(table.kind, table.id),
		index("jobs_by_state").on(table.state, table.id),
	],
);

/** How many jobs of a queue are in each state: counting millions of ended ones for each look would take a second. */
export const jobCounts = sqliteTable("job_counts", {
	queue: text().primaryKey(),
	cancelled: integer().notNull(),
	dead: integer().notNull(),
	leased: integer().notNull(),
	queued: integer().notNull(),
	scheduled: integer().notNull(),
	succeeded: integer().notNull(),
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
