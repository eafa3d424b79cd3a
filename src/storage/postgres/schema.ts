import { sql } from "drizzle-orm";
import {
	bigint,
	doublePrecision,
	index,
	integer,
	pgTable,
	primaryKey,
	text,
	uniqueIndex,
	uuid,
} from "drizzle-orm/pg-core";
import type { JobState } from "../../jobs/store.ts";

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

export const jobs = pgTable(
	"jobs",
	{
		id: uuid().primaryKey(),
		queue: text().notNull(),
		kind: text().notNull(),
		/** Canonical JSON, as `result` is. */
		payload: text().notNull(),
		priority: integer().notNull(),
		state: text().$type<JobState>().notNull(),
		attempt: integer().notNull(),
		maxAttempts: integer("max_attempts").notNull(),
		fence: bigint({ mode: "number" }).notNull(),
		settledFence: bigint("settled_fence", { mode: "number" }),
		runAt: bigint("run_at", { mode: "number" }).notNull(),
		uniqueKey: text("unique_key"),
		worker: text(),
		leaseExpiresAt: bigint("lease_expires_at", { mode: "number" }),
		leaseSeconds: integer("lease_seconds"),
		progress: doublePrecision(),
		result: text(),
		error: text(),
		createdAt: bigint("created_at", { mode: "number" }).notNull(),
		updatedAt: bigint("updated_at", { mode: "number" }).notNull(),
	},
	(table) => [
		// Leases read from the front of this one; ended jobs are not in it, so it stays as short as the queue is.
		index("jobs_leasable")
			.on(table.queue, table.priority.desc().nullsFirst(), table.runAt, table.id)
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
export const jobCounts = pgTable("job_counts", {
	queue: text().primaryKey(),
	cancelled: bigint({ mode: "number" }).notNull(),
	dead: bigint({ mode: "number" }).notNull(),
	leased: bigint({ mode: "number" }).notNull(),
	queued: bigint({ mode: "number" }).notNull(),
	scheduled: bigint({ mode: "number" }).notNull(),
	succeeded: bigint({ mode: "number" }).notNull(),
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
