import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const spaceTable = sqliteTable(
	"spaces",
	{
		id: integer().primaryKey(),
		name: text().notNull(),
		title: text().notNull(),
		version: integer().notNull(),
		/** The user who made it. */
		madeBy: text("made_by"),
		/** The log's newest number when it was made. */
		rev: integer().notNull(),
		createdAt: integer("created_at").notNull(),
		deletedAt: integer("deleted_at"),
	},
	(table) => [
		uniqueIndex("spaces_name").on(table.name).where(sql`deleted_at IS NULL`),
		index("spaces_made_by").on(table.madeBy).where(sql`deleted_at IS NULL`),
		index("spaces_deleted").on(table.deletedAt).where(sql`deleted_at IS NOT NULL`),
	],
);
