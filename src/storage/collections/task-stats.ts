import type { TaskCountRow, TaskStatus } from "../../tasks/store.ts";

/** The counts of a space, in SQL for either database. */
export const countsOfSpace = "SELECT space, status, count FROM task_counts WHERE space = ?";

/** A status that no task has ever had has no row. */
export function countsByStatus(rows: readonly TaskCountRow[]): Readonly<Record<TaskStatus, number>> {
	const counts = { open: 0, in_progress: 0, waiting: 0, done: 0, cancelled: 0 };
	for (const { status, count } of rows) counts[status] = count;
	return counts;
}
