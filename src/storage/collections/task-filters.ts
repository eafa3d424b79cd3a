import type { TaskFilter, TaskStatus } from "../../tasks/store.ts";
import type { Condition } from "./task-orders.ts";
import { isReadySql } from "./tasks.ts";

/** The filters of lists of tasks, in SQL for either database. */

/** A condition on a task, and the columns that it looks at. */
export interface Filter extends Condition {
	readonly columns: readonly string[];
}

/** Tasks that an index finds, in no order: rows of a table, which name tasks unless they are tasks themselves. */
export interface TaskSet extends Condition {
	readonly table: string;
	readonly index: string;
	/** Which task a row names. */
	readonly join?: Condition;
}

export function filtersOf(filter: TaskFilter): readonly Filter[] {
	const { statuses, labels = [], dueBefore, number, isReady } = filter;
	return [
		...(statuses === undefined ? [] : [ofStatuses(statuses)]),
		...labels.map((label) => ({
			text: "EXISTS (SELECT 1 FROM task_labels AS had WHERE had.seq = looked.seq AND had.label = ?)",
			values: [label],
			columns: [],
		})),
		...equal("assignee", filter.assignee),
		...equal("claimed_by", filter.claimedBy),
		...equal("parent", filter.parent),
		...blockedBy(filter.blockedBy),
		...(dueBefore === undefined ? [] : [{ text: "due_at < ?", values: [dueBefore], columns: ["due_at"] }]),
		...equal("number", number),
		...(isReady
			? [{ text: isReadySql, values: [], columns: ["status", "defer_until", "open_blockers"] }]
			: []),
	];
}

function ofStatuses(statuses: readonly TaskStatus[]): Filter {
	return { text: inList(statuses), values: [], columns: ["status"] };
}

function inList(statuses: readonly TaskStatus[]): string {
	return `status IN (${statuses.map((status) => `'${status}'`).join(", ")})`;
}

function equal(column: string, value: string | number | null | undefined): readonly Filter[] {
	if (value === undefined) return [];
	const columns = [column];
	return value === null
		? [{ text: `${column} IS NULL`, values: [], columns }]
		: [{ text: `${column} = ?`, values: [value], columns }];
}

function blockedBy(id: string | null | undefined): readonly Filter[] {
	if (id === undefined) return [];
	if (id === null) return [{ text: "blocked_by = '[]'", values: [], columns: ["blocked_by"] }];
	const text =
		"EXISTS (SELECT 1 FROM task_blockers AS named WHERE named.task = looked.id AND named.blocker = ?)";
	return [{ text, values: [id], columns: ["id"] }];
}

/** Statuses that few tasks have. */
const passing: readonly TaskStatus[] = ["cancelled", "in_progress", "waiting"];
/** Conditions of indexes compare, as every insert asks all of them: a list after `IN` costs SQLite several times as much. */
export const passingSql = "status <> 'open' AND status <> 'done'";

/** The sets of tasks of a space that a filter is about, each of which an index finds. */
export function setsOf(space: number, filter: TaskFilter): readonly TaskSet[] {
	const {
		statuses,
		labels = [],
		assignee,
		claimedBy,
		parent,
		blockedBy: blocker,
		dueBefore,
		number,
	} = filter;
	const isPassing = statuses?.every((status) => passing.includes(status)) ?? false;
	return [
		...byColumn(space, "number = ?", number, "tasks_number"),
		...labels.map((label) => byLabel(space, label)),
		...(blocker ? [byBlocker(space, blocker)] : []),
		...byColumn(space, "parent = ?", parent, "tasks_by_parent"),
		...byColumn(space, "claimed_by = ?", claimedBy, "tasks_by_holder"),
		...byColumn(space, "assignee = ?", assignee, "tasks_by_assignee"),
		...(filter.isReady ? [bySql(space, isReadySql, "tasks_ready")] : []),
		...(isPassing ? [bySql(space, `${passingSql} AND ${inList(statuses ?? [])}`, "tasks_passing")] : []),
		...byColumn(space, "due_at < ?", dueBefore, "tasks_by_due_time"),
	];
}

function byColumn(
	space: number,
	text: string,
	value: string | number | null | undefined,
	index: string,
): readonly TaskSet[] {
	if (value === undefined || value === null) return [];
	return [{ table: "tasks", index, text: `tasks.space = ? AND tasks.${text}`, values: [space, value] }];
}

function bySql(space: number, text: string, index: string): TaskSet {
	return { table: "tasks", index, text: `tasks.space = ? AND ${text}`, values: [space] };
}

function byLabel(space: number, label: string): TaskSet {
	return {
		table: "task_labels",
		index: "task_labels_by_label",
		text: "task_labels.space = ? AND task_labels.label = ?",
		values: [space, label],
		join: { text: "tasks.seq = task_labels.seq", values: [] },
	};
}

function byBlocker(space: number, blocker: string): TaskSet {
	return {
		table: "task_blockers",
		index: "task_blockers_waiting",
		text: "task_blockers.blocker = ?",
		values: [blocker],
		join: { text: "tasks.id = task_blockers.task AND tasks.space = ?", values: [space] },
	};
}
