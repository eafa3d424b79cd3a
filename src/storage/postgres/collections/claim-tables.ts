import { sql } from "drizzle-orm";
import { bigint, index, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import type { Actor } from "../../../kernel/change-context.ts";
import type { SettledBy } from "../../../tasks/claims/store.ts";

export const claimTable = pgTable(
	"claims",
	{
		task: uuid().primaryKey(),
		space: integer().notNull(),
		fence: bigint({ mode: "number" }).notNull(),
		settledFence: bigint("settled_fence", { mode: "number" }),
		settledBy: text("settled_by").$type<SettledBy>(),
		holder: text().notNull(),
		actor: text().$type<Actor>().notNull(),
		claimedAt: bigint("claimed_at", { mode: "number" }).notNull(),
		leaseSeconds: integer("lease_seconds"),
		/** Null where it does not last. */
		leaseExpiresAt: bigint("lease_expires_at", { mode: "number" }),
	},
	(table) => [
		index("claims_lasting").on(table.space, table.fence, table.task).where(sql`lease_expires_at IS NOT NULL`),
		index("claims_by_holder")
			.on(table.space, table.holder, table.fence, table.task)
			.where(sql`lease_expires_at IS NOT NULL`),
		index("claims_by_actor")
			.on(table.space, table.actor, table.fence, table.task)
			.where(sql`lease_expires_at IS NOT NULL`),
		index("claims_expiring").on(table.leaseExpiresAt, table.task).where(sql`lease_expires_at IS NOT NULL`),
		// By which the claims of a deleted space are removed; those of `default` cost nothing for it.
		index("claims_in_space").on(table.space, table.task).where(sql`space <> 1`),
	],
);

/** Results stand apart: a heartbeat rewrites the claim's row, and lists of tasks never show them. */
export const taskResultTable = pgTable(
	"task_results",
	{
		task: uuid().primaryKey(),
		space: integer().notNull(),
		/** Canonical JSON. */
		result: text().notNull(),
	},
	(table) => [index("task_results_in_space").on(table.space, table.task).where(sql`space <> 1`)],
);
