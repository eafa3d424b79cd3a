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
import type { JobState } from "../../../jobs/store.ts";
import { defaultSpace } from "../../../kernel/space.ts";

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
		space: integer().notNull().default(defaultSpace),
	},
	(table) => [
		// Leases read the first entries of this index; ended jobs are not in it, so it stays as short as the queue.
		index("jobs_leasable")
			.on(table.space, table.queue, table.priority.desc().nullsFirst(), table.runAt, table.id)
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
export const jobCountTable = pgTable(
	"job_counts",
	{
		space: integer().notNull().default(defaultSpace),
		queue: text().notNull(),
		cancelled: bigint({ mode: "number" }).notNull(),
		dead: bigint({ mode: "number" }).notNull(),
		leased: bigint({ mode: "number" }).notNull(),
		queued: bigint({ mode: "number" }).notNull(),
		scheduled: bigint({ mode: "number" }).notNull(),
		succeeded: bigint({ mode: "number" }).notNull(),
	},
	(table) => [primaryKey({ columns: [table.space, table.queue] })],
);
