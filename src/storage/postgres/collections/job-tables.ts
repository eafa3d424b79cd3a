import { sql } from "drizzle-orm";
import {
	bigint,
	doublePrecision,
	index,
	integer,
	pgTable,
	text,
	uniqueIndex,
	uuid,
} from "drizzle-orm/pg-core";
import type { JobState } from "../../../jobs/store.ts";

export const jobTable = pgTable(
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
		// Leases read the first entries of this index; ended jobs are not in it, so it stays as short as the queue.
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

/** How many jobs of a queue are in each state: counting millions of ended ones on every read would take a second. */
export const jobCountTable = pgTable("job_counts", {
	queue: text().primaryKey(),
	cancelled: bigint({ mode: "number" }).notNull(),
	dead: bigint({ mode: "number" }).notNull(),
	leased: bigint({ mode: "number" }).notNull(),
	queued: bigint({ mode: "number" }).notNull(),
	scheduled: bigint({ mode: "number" }).notNull(),
	succeeded: bigint({ mode: "number" }).notNull(),
});
