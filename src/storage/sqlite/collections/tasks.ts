import type { Database } from "bun:sqlite";
import { inSpace, type SpaceId } from "../../../kernel/space.ts";
import { tasks as collection } from "../../../tasks/collection.ts";
import type {
	TaskBlockerRow,
	TaskCountRow,
	TaskLabelRow,
	TaskNumberRow,
	TaskRevision,
	TaskRow,
	TaskStats,
	TaskStore,
} from "../../../tasks/store.ts";
import { countsByStatus, countsOfSpace } from "../../collections/task-stats.ts";
import { databaseClock } from "../clock.ts";
import { type Registration, type StoreContext, unitsOf } from "../collection.ts";
import { taskPages } from "./task-lists.ts";
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

function taskStore({ database, read, readNow, changeCounter }: StoreContext): TaskStore {
	const byId = database.query<TaskRow, [string]>(taskById);
	const nextDue = database.query<{ at: number | null }, []>(earliestDue);
	const readyOf = readyReader(database);
	const now = databaseClock(database);
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
	const page = taskPages(database, storedRevision);
	const counted = database.query<TaskCountRow, [SpaceId]>(countsOfSpace);
	const stats = database.transaction(
		(space: SpaceId): TaskStats => ({
			counts: countsByStatus(counted.all(space)),
			revision: storedRevision(space),
		}),
	);
	return {
		find: (space, id) => read(() => inSpace(space, byId.get(id) ?? undefined)),
		findAll: (space, ids) => read(() => ids.flatMap((id) => inSpace(space, byId.get(id) ?? undefined) ?? [])),
		list: (query) => read(() => page(query)),
		stats: (space) => read(() => stats.deferred(space)),
		dueInMs: () =>
			read(() => {
				const at = nextDue.get()?.at ?? undefined;
				return at === undefined ? undefined : at - now();
			}),
		ready: (wishes, limit) => read(() => readyOf(wishes, limit)),
		revision: (space) => readNow(() => currentRevision(space)),
	};
}
