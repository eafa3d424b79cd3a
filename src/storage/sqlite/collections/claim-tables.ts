import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Actor } from "../../../kernel/change-context.ts";
import type { SettledBy } from "../../../tasks/claims/store.ts";

export const claimTable = sqliteTable(
	"claims",
	{
		task: text().primaryKey(),
		space: integer().notNull(),
		fence: integer().notNull(),
		settledFence: integer("settled_fence"),
		settledBy: text("settled_by").$type<SettledBy>(),
		holder: text().notNull(),
		actor: text().$type<Actor>().notNull(),
		claimedAt: integer("claimed_at").notNull(),
		leaseSeconds: integer("lease_seconds"),
		/** Null where it does not last. */
		leaseExpiresAt: integer("lease_expires_at"),
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
export const taskResultTable = sqliteTable(
	"task_results",
	{
		task: text().primaryKey(),
		space: integer().notNull(),
		/** Canonical JSON. */
		result: text().notNull(),
	},
	(table) => [index("task_results_in_space").on(table.space, table.task).where(sql`space <> 1`)],
);
