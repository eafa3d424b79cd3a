import { pageBounds } from "../../src/tasks/list-query.ts";
import type { TaskPageQuery } from "../../src/tasks/store.ts";

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
		bounds: pageBounds,
		...more,
	};
}
