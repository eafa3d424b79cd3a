import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { Actor } from "../../../kernel/change-context.ts";
import { defaultSpace } from "../../../kernel/space.ts";
import type { TaskStatus } from "../../../tasks/store.ts";
import { passingSql } from "../../collections/task-filters.ts";
import { createdSql } from "../../collections/task-orders.ts";
import {
	changedSql,
	finishedSql,
	pendingSql,
	readyForOneSql,
	unfinishedSql,
} from "../../collections/task-streams.ts";
import { isReadySql } from "../../collections/tasks.ts";

/** Defaults are for the rows of earlier versions: a migration sets what they cannot say. */
export const taskTable = sqliteTable(
	"tasks",
	{
		/** The number of the event that created the task: in commit order, never reused. */
		seq: integer().primaryKey(),
		/** The number of the newest event that changed the body. */
		updatedSeq: integer("updated_seq").notNull().default(0),
		space: integer().notNull().default(defaultSpace),
		id: text().notNull().unique(),
		number: integer().notNull().default(0),
		title: text().notNull(),
		description: text().notNull(),
		version: integer().notNull(),
		status: text().$type<TaskStatus>().notNull().default("open"),
		statusSince: integer("status_since").notNull().default(0),
		priority: integer().notNull().default(0),
		rank: text().notNull().default(""),
		assignee: text(),
		claimedBy: text("claimed_by"),
		createdBy: text("created_by").$type<Actor>(),
		parent: text(),
		/** A canonical list of ids, as `labels` is one of texts. */
		blockedBy: text("blocked_by").notNull().default("[]"),
		openBlockers: integer("open_blockers").notNull().default(0),
		labels: text().notNull().default("[]"),
		/** Canonical JSON, as `note` is. */
		metadata: text().notNull().default("{}"),
		note: text(),
		dueAt: integer("due_at"),
		deferUntil: integer("defer_until"),
		createdAt: integer("created_at").notNull(),
		updatedAt: integer("updated_at").notNull(),
		/** Null in rows that no version with this column has written. */
		etag: text(),
	},
	(table) => [
		// By which a deleted space is emptied too.
		uniqueIndex("tasks_number").on(table.space, table.number),
		// Claims read the first entries of this index: those for anybody, and those for the holder.
		index("tasks_ready")
			.on(table.space, table.assignee, sql`priority desc`, table.rank, table.seq)
			.where(sql.raw(isReadySql)),
		index("tasks_deferred").on(table.deferUntil).where(sql`defer_until IS NOT NULL`),
		// What lists read: see streamsOf. A new task has an entry in the first and the third alone.
		index("tasks_unfinished_by_created").on(table.space, sql.raw(createdSql)).where(sql.raw(unfinishedSql)),
		index("tasks_finished_by_created").on(table.space, sql.raw(createdSql)).where(sql.raw(finishedSql)),
		index("tasks_unfinished_by_status_since")
			.on(table.space, table.statusSince, table.seq)
			.where(sql.raw(unfinishedSql)),
		index("tasks_finished_by_status_since")
			.on(table.space, table.statusSince, table.seq)
			.where(sql.raw(finishedSql)),
		index("tasks_ready_by_priority")
			.on(table.space, sql`priority desc`, table.rank, table.seq)
			.where(sql.raw(readyForOneSql)),
		index("tasks_pending_by_priority")
			.on(table.space, sql`priority desc`, table.rank, table.seq)
			.where(sql.raw(pendingSql)),
		index("tasks_finished_by_priority")
			.on(table.space, sql`priority desc`, table.rank, table.seq)
			.where(sql.raw(finishedSql)),
		index("tasks_unfinished_changed")
			.on(table.space, table.updatedSeq)
			.where(sql.raw(`${unfinishedSql} AND ${changedSql}`)),
		index("tasks_finished_changed")
			.on(table.space, table.updatedSeq)
			.where(sql.raw(`${finishedSql} AND ${changedSql}`)),
		// What filters find.
		index("tasks_passing").on(table.space, table.status).where(sql.raw(passingSql)),
		index("tasks_by_assignee").on(table.space, table.assignee).where(sql`assignee IS NOT NULL`),
		index("tasks_by_holder").on(table.space, table.claimedBy).where(sql`claimed_by IS NOT NULL`),
		index("tasks_by_parent").on(table.space, table.parent).where(sql`parent IS NOT NULL`),
		index("tasks_by_due_time").on(table.space, table.dueAt).where(sql`due_at IS NOT NULL`),
	],
);

/** The labels of tasks, one a row, with what claims order and choose by. */
export const taskLabelTable = sqliteTable(
	"task_labels",
	{
		seq: integer().notNull(),
		label: text().notNull(),
		space: integer().notNull(),
		assignee: text(),
		priority: integer().notNull(),
		rank: text().notNull(),
		ready: integer().notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.seq, table.label] }),
		index("task_labels_ready")
			.on(table.space, table.label, table.assignee, sql`priority desc`, table.rank, table.seq)
			.where(sql`ready = 1`),
		index("task_labels_by_label").on(table.space, table.label, table.seq),
	],
);

/** Which task names which other one in `blocked_by`, whether that one is still there or not. */
export const taskBlockerTable = sqliteTable(
	"task_blockers",
	{
		task: text().notNull(),
		blocker: text().notNull(),
		space: integer().notNull().default(defaultSpace),
	},
	(table) => [
		primaryKey({ columns: [table.task, table.blocker] }),
		index("task_blockers_waiting").on(table.blocker, table.task),
		// For the removal of a space alone.
		index("task_blockers_in_space").on(table.space).where(sql`space <> 1`),
	],
);

/** How many tasks of a space have a status. */
export const taskCountTable = sqliteTable(
	"task_counts",
	{
		space: integer().notNull(),
		status: text().$type<TaskStatus>().notNull(),
		count: integer().notNull(),
	},
	(table) => [primaryKey({ columns: [table.space, table.status] })],
);

/** The number that the next task of a space gets. */
export const taskNumberTable = sqliteTable("task_numbers", {
	space: integer().primaryKey(),
	next: integer().notNull(),
});
