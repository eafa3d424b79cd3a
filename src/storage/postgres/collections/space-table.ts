import { sql } from "drizzle-orm";
import { bigint, index, integer, pgTable, text, uniqueIndex, uuid } from "drizzle-orm/pg-core";

export const spaceTable = pgTable(
	"spaces",
	{
		id: integer().primaryKey(),
		name: text().notNull(),
		title: text().notNull(),
		version: integer().notNull(),
		/** The user who made it. */
		madeBy: uuid("made_by"),
		/** The log's newest number when it was made. */
		rev: bigint({ mode: "number" }).notNull(),
		createdAt: bigint("created_at", { mode: "number" }).notNull(),
		deletedAt: bigint("deleted_at", { mode: "number" }),
	},
	(table) => [
		uniqueIndex("spaces_name").on(table.name).where(sql`deleted_at IS NULL`),
		index("spaces_made_by").on(table.madeBy).where(sql`deleted_at IS NULL`),
		index("spaces_deleted").on(table.deletedAt).where(sql`deleted_at IS NOT NULL`),
	],
);
