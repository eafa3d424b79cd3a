import type { InSpace, SpaceId } from "../../kernel/space.ts";
import {
	isReady,
	type TaskBlockerRow,
	type TaskCountRow,
	type TaskLabelRow,
	type TaskRow,
	type TaskState,
	type TaskStatus,
} from "../../tasks/store.ts";

/** What both databases share in storing tasks. */

/** `isReady` in SQL, for either database. A statement that is to use the index of ready tasks must have it. */
export const isReadySql = "status = 'open' AND defer_until IS NULL AND open_blockers = 0";

/** `byClaimOrder` in SQL, for either database. The indexes of ready tasks have the same order behind the assignee. */
export const claimOrder = "priority DESC, rank, seq";
const none: readonly never[] = [];

/** A canonical list in a row, such as its labels. */
export function listOf(text: string): readonly string[] {
	return text === "[]" ? [] : (JSON.parse(text) as string[]);
}

/** The rows that a task has in the table of labels. */
export function labelRows(row: TaskRow): readonly TaskLabelRow[] {
	if (row.labels === "[]") return none;
	const { seq, space, assignee, priority, rank } = row;
	const ready = readyFlag(row);
	return listOf(row.labels).map((label) => ({ seq, label, space, assignee, priority, rank, ready }));
}

export function readyFlag(task: TaskState): number {
	return isReady(task) ? 1 : 0;
}

/** Whether a change of a task changes its rows in the table of labels. */
export function changesLabels(before: TaskRow, now: TaskRow): boolean {
	return (
		before.labels !== now.labels ||
		before.assignee !== now.assignee ||
		before.priority !== now.priority ||
		before.rank !== now.rank ||
		isReady(before) !== isReady(now)
	);
}

/** The rows that a task has in the table of blockers. */
export function blockerRows({ id, space, blockedBy }: TaskRow): readonly TaskBlockerRow[] {
	if (blockedBy === "[]") return none;
	return listOf(blockedBy).map((blocker) => ({ task: id, blocker, space }));
}

/** The columns that most new tasks leave at their defaults. */
export const mostlyDefault = [
	"assignee",
	"blockedBy",
	"claimedBy",
	"deferUntil",
	"dueAt",
	"labels",
	"metadata",
	"note",
	"openBlockers",
	"parent",
	"priority",
	"status",
] as const satisfies readonly (keyof TaskRow)[];

/** What an insert of counts does where a space has some, in SQL for either database. */
export const addToCount =
	"ON CONFLICT (space, status) DO UPDATE SET count = task_counts.count + excluded.count";

/** The changes that a transaction makes to how many tasks have a status. */
export class TaskCounts {
	readonly #differences = new Map<SpaceId, Map<TaskStatus, number>>();

	add({ space }: InSpace, status: TaskStatus, difference: number): void {
		let ofSpace = this.#differences.get(space);
		if (ofSpace === undefined) {
			ofSpace = new Map();
			this.#differences.set(space, ofSpace);
		}
		ofSpace.set(status, (ofSpace.get(status) ?? 0) + difference);
	}

	/** The counts that have changed. */
	rows(): readonly TaskCountRow[] {
		return [...this.#differences].flatMap(([space, ofSpace]) =>
			[...ofSpace].flatMap(([status, count]) => (count === 0 ? [] : [{ space, status, count }])),
		);
	}
}
