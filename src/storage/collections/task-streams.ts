import {
	isFinished,
	type TaskFilter,
	type TaskPageQuery,
	type TaskSort,
	type TaskStatus,
	taskStatuses,
} from "../../tasks/store.ts";
import type { Filter } from "./task-filters.ts";
import { type Condition, orderBy, orderOf, partsAfter, type SortOrder } from "./task-orders.ts";
import { isReadySql } from "./tasks.ts";

/** Some of the tasks of a space, which an index has in the order of a list. */
export interface Stream extends Condition {
	readonly index: string;
	readonly order: SortOrder;
	readonly orderBy: string;
	/** Which of its rows belong to it; the others are looked at and left out. */
	readonly filters: readonly Filter[];
}

const unfinished = taskStatuses.filter((status) => !isFinished({ status }));
const finished = taskStatuses.filter((status) => isFinished({ status }));
/** These compare for the reason of `passingSql`. */
export const unfinishedSql = "status <> 'done' AND status <> 'cancelled'";
export const finishedSql = "(status = 'done' OR status = 'cancelled')";
/** Ready for one assignee alone. */
export const readyForOneSql = `${isReadySql} AND assignee IS NOT NULL`;
/** Neither finished nor ready. */
export const pendingSql = `${unfinishedSql} AND (status <> 'open' OR defer_until IS NOT NULL OR open_blockers <> 0)`;
/** The body has changed since the task was created. */
export const changedSql = "updated_seq > seq";
const unchanged: Filter = { text: "updated_seq <= seq", values: [], columns: ["updated_seq"] };

/** A part of all tasks. */
interface Part {
	readonly text: string;
	readonly index: string;
	/** The statuses that its tasks can have. */
	readonly statuses: readonly TaskStatus[];
	/** Whether there can be ready tasks in it; absent: if `open` is one of its statuses. */
	readonly hasReady?: boolean;
	/** The order that it is in, where that is the list's own for these tasks. */
	readonly sort?: TaskSort;
	/** A column of the index before those of the order, which is the same in the whole part. */
	readonly first?: string;
	readonly filters?: readonly Filter[];
}

const newUnfinished = { text: unfinishedSql, index: "tasks_unfinished_by_created", statuses: unfinished };
const newFinished = { text: finishedSql, index: "tasks_finished_by_created", statuses: finished };

/**
 * The parts that together are a list. A new task costs an entry in every index that has it, so some leave new tasks out:
 * those that are ready for anybody are in the index that claims read, and a task that has not changed is in the order of
 * `updated` where it is in that of `created`.
 */
const partsOf: Readonly<Record<TaskSort, readonly Part[]>> = {
	created: [newUnfinished, newFinished],
	priority: [
		{
			text: `${isReadySql} AND assignee IS NULL`,
			index: "tasks_ready",
			statuses: ["open"],
			first: "assignee",
		},
		{ text: readyForOneSql, index: "tasks_ready_by_priority", statuses: ["open"] },
		{ text: pendingSql, index: "tasks_pending_by_priority", statuses: unfinished, hasReady: false },
		{ text: finishedSql, index: "tasks_finished_by_priority", statuses: finished },
	],
	status_since: [
		{ text: unfinishedSql, index: "tasks_unfinished_by_status_since", statuses: unfinished },
		{ text: finishedSql, index: "tasks_finished_by_status_since", statuses: finished },
	],
	updated: [
		{ text: `${unfinishedSql} AND ${changedSql}`, index: "tasks_unfinished_changed", statuses: unfinished },
		{ text: `${finishedSql} AND ${changedSql}`, index: "tasks_finished_changed", statuses: finished },
		{ ...newUnfinished, sort: "created", filters: [unchanged] },
		{ ...newFinished, sort: "created", filters: [unchanged] },
	],
};

/** The streams that have all tasks that a filter can admit, from a place on. */
export function streamsOf(
	{ sort, order, after }: TaskPageQuery,
	{ statuses = taskStatuses, isReady = false }: TaskFilter,
): readonly Stream[] {
	const wanted = isReady ? statuses.filter((status) => status === "open") : statuses;
	return partsOf[sort]
		.filter((part) => part.statuses.some((status) => wanted.includes(status)))
		.filter(({ hasReady = true }) => hasReady || !isReady)
		.flatMap((part) => {
			const columns = orderOf({ sort: part.sort ?? sort, order });
			const first = part.first === undefined ? "" : `${part.first} ${order === "desc" ? "ASC" : "DESC"}, `;
			const shared = {
				index: part.index,
				order: columns,
				orderBy: `${first}${orderBy(columns)}`,
				filters: part.filters ?? [],
			};
			return partsAfter(columns, after).map(({ text, values }) => ({
				...shared,
				text: `${part.text} AND ${text}`,
				values,
			}));
		});
}

/** Its rows, in SQL: the values are the space and those of the stream. */
export function rowsOf(stream: Stream, using: (index: string) => string): string {
	return `FROM tasks${using(stream.index)} WHERE space = ? AND ${stream.text} ORDER BY ${stream.orderBy}`;
}
