import type { Database } from "bun:sqlite";
import { and, asc, desc, eq, sql } from "drizzle-orm";
import { inSpace, type SpaceId } from "../../../kernel/space.ts";
import {
	tasks as collection,
	type TaskBlockerRow,
	type TaskCountRow,
	type TaskLabelRow,
	type TaskNumberRow,
	type TaskPage,
	type TaskPageQuery,
	type TaskRevision,
	type TaskRow,
	type TaskStore,
} from "../../../tasks/store.ts";
import { databaseClock } from "../clock.ts";
import { type Registration, type StoreContext, unitsOf } from "../collection.ts";
import type { Db } from "../connection.ts";
import { readyReader } from "./task-ready.ts";
import { TaskRowsInPlace, taskById } from "./task-rows.ts";
import {
	taskBlockerTable,
	taskCountTable,
	taskLabelTable,
	taskNumberTable,
	taskTable,
} from "./task-tables.ts";

export const tasks = {
	tables: {
		tasks: taskTable,
		taskLabels: taskLabelTable,
		taskBlockers: taskBlockerTable,
		taskCounts: taskCountTable,
		taskNumbers: taskNumberTable,
	},
	units: unitsOf(collection, (database: Database) => new TaskRowsInPlace(database)),
	store: taskStore,
} satisfies Registration<
	TaskStore,
	{
		tasks: TaskRow;
		taskLabels: TaskLabelRow;
		taskBlockers: TaskBlockerRow;
		taskCounts: TaskCountRow;
		taskNumbers: TaskNumberRow;
	}
>;

const earliestDue =
	"SELECT min(defer_until) AS at FROM tasks INDEXED BY tasks_deferred WHERE defer_until IS NOT NULL";

function taskStore({ database, db, read, readNow, changeCounter }: StoreContext): TaskStore {
	const byId = database.query<TaskRow, [string]>(taskById);
	const nextDue = database.query<{ at: number | null }, []>(earliestDue);
	const readyOf = readyReader(database);
	const now = databaseClock(database);
	const newest = listing(db, "desc");
	const oldest = listing(db, "asc");
	const readRevision = database.query<TaskRevision, [SpaceId]>(`SELECT rev, coalesce(
		(SELECT rev FROM revisions WHERE space = ? AND collection = 'tasks'), 0) AS "tasksRev" FROM log_head`);
	function storedRevision(space: SpaceId): TaskRevision {
		const found = readRevision.get(space);
		if (found === null) throw new Error("the log has no head");
		return found;
	}
	/** Of the spaces that were asked for since the last commit. */
	const revisions = new Map<SpaceId, TaskRevision>();
	let countAt = -1;
	function currentRevision(space: SpaceId): TaskRevision {
		const count = changeCounter();
		if (count !== countAt) revisions.clear();
		countAt = count;
		const revision = revisions.get(space) ?? storedRevision(space);
		revisions.set(space, revision);
		return revision;
	}
	// One transaction, so that rows and revision are of one snapshot even while another process writes.
	const page = database.transaction(({ space, order, limit, after }: TaskPageQuery): TaskPage => {
		const statement = order === "desc" ? newest : oldest;
		const rows = statement.all({
			space,
			after: after ?? (order === "desc" ? Number.MAX_SAFE_INTEGER : 0),
			limit: limit + 1,
		});
		return { rows: rows.slice(0, limit), more: rows.length > limit, revision: storedRevision(space) };
	});
	return {
		find: (space, id) => read(() => inSpace(space, byId.get(id) ?? undefined)),
		findAll: (space, ids) => read(() => ids.flatMap((id) => inSpace(space, byId.get(id) ?? undefined) ?? [])),
		list: (query) => read(() => page.deferred(query)),
		dueInMs: () =>
			read(() => {
				const at = nextDue.get()?.at ?? undefined;
				return at === undefined ? undefined : at - now();
			}),
		ready: (wishes, limit) => read(() => readyOf(wishes, limit)),
		revision: (space) => readNow(() => currentRevision(space)),
	};
}

function listing(db: Db, order: "asc" | "desc") {
	const after = sql.placeholder("after");
	return db
		.select()
		.from(taskTable)
		.where(
			and(
				eq(taskTable.space, sql.placeholder("space")),
				order === "desc" ? sql`${taskTable.seq} < ${after}` : sql`${taskTable.seq} > ${after}`,
			),
		)
		.orderBy(order === "desc" ? desc(taskTable.seq) : asc(taskTable.seq))
		.limit(sql.placeholder("limit"))
		.prepare();
}
