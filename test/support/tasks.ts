import type { TaskPageQuery } from "../../src/tasks/store.ts";

export const wideBounds = { rowsMax: 10_000, bytesMax: 4 * 1024 * 1024, stepsMax: 5 * 1024 * 1024 };

/** A page of all tasks, newest first, unless said otherwise. */
export function pageQuery(more: Partial<TaskPageQuery> = {}): TaskPageQuery {
	return {
		space: 1,
		filter: {},
		sort: "created",
		order: "desc",
		limit: 100,
		after: undefined,
		isBrief: false,
		bounds: wideBounds,
		...more,
	};
}
