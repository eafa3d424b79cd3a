import { sql } from "drizzle-orm";
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { JobState } from "../../../jobs/store.ts";
import { defaultSpace } from "../../../kernel/space.ts";

export const jobTable = sqliteTable(
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
		space: integer().notNull().default(defaultSpace),
	},
	(table) => [
		// Leases read the first entries of this index; ended jobs are not in it, so it stays as short as the queue.
		index("jobs_leasable")
			.on(table.space, table.queue, sql`priority desc`, table.runAt, table.id)
			.where(sql`state = 'queued'`),
		index("jobs_oldest").on(table.space, table.queue, table.runAt).where(sql`state = 'queued'`),
		index("jobs_due").on(table.runAt).where(sql`state = 'scheduled'`),
		index("jobs_expiring").on(table.leaseExpiresAt).where(sql`state = 'leased'`),
		index("jobs_ended").on(table.updatedAt).where(sql`state IN ('cancelled', 'dead', 'succeeded')`),
		uniqueIndex("jobs_unfinished_key")
			.on(table.space, table.queue, table.uniqueKey)
			.where(sql`unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled')`),
		index("jobs_in_space").on(table.space, table.id),
		index("jobs_by_queue").on(table.space, table.queue, table.id),
		index("jobs_by_kind").on(table.space, table.kind, table.id),
		index("jobs_by_state").on(table.space, table.state, table.id),
	],
);

/** How many jobs of a queue are in each state: counting millions of ended ones on every read would take a second. */
export const jobCountTable = sqliteTable(
	"job_counts",
	{
		space: integer().notNull().default(defaultSpace),
		queue: text().notNull(),
		cancelled: integer().notNull(),
		dead: integer().notNull(),
		leased: integer().notNull(),
		queued: integer().notNull(),
		scheduled: integer().notNull(),
		succeeded: integer().notNull(),
	},
	(table) => [primaryKey({ columns: [table.space, table.queue] })],
);
