import { type Representation, represent } from "../canonical.ts";
import { validationError } from "../errors.ts";
import type { Cursors } from "../http/paging.ts";
import { readQuery } from "../http/validation.ts";
import { isId } from "../ids.ts";
import { whenResolved } from "../maybe-promise.ts";
import { noSuchTask } from "./changes.ts";
import { taskBody, taskListBody } from "./representation.ts";
import { RevisionCache } from "./revision-cache.ts";
import { TaskQuery } from "./schema.ts";
import type { Head, TaskPageQuery, TaskStore } from "./store.ts";

export const listPath = "/collab/state/tasks";

export interface ListAnswer extends Representation {
	/** `Link`, where there is more. */
	readonly link: string | undefined;
}

/** A list, and the state of the log that it is of. */
export interface ListOfNow {
	readonly list: ListAnswer;
	readonly head: Head;
}

/** The answers to reads, each built once for as long as no task changes, and there at once where that is known at once. */
export interface CachedReads {
	/** The page that a query string asks for. Refuses with `validation_error`. */
	list(query: string): ListOfNow | Promise<ListOfNow>;
	/** One task; refuses with `not_found`. */
	one(id: string): Representation | Promise<Representation>;
}

const parse = readQuery(TaskQuery);

export function cachedReads(tasks: TaskStore, cursors: Cursors): CachedReads {
	const lists = new RevisionCache<ListAnswer>();
	const ones = new RevisionCache<Representation>();

	async function page(query: string): Promise<ListOfNow> {
		const asked = pageQuery(query, cursors);
		const { rows, more, head } = await tasks.list(asked);
		const last = more ? rows.at(-1) : undefined;
		const next = last && cursors.seal("tasks", `${asked.order} ${last.seq}`);
		const list = { ...represent(taskListBody(rows, next)), link: next && nextLink(asked, next) };
		lists.keep(head.tasksRev, query, list);
		return { list, head };
	}

	async function task(id: string, tasksRev: number): Promise<Representation> {
		const row = await tasks.find(id);
		if (row === undefined) throw noSuchTask();
		const found = represent(taskBody(row));
		ones.keep(tasksRev, id, found);
		return found;
	}

	return {
		list: (query) =>
			whenResolved(tasks.head(), (head) => {
				const list = lists.find(head.tasksRev, query);
				return list === undefined ? page(query) : { list, head };
			}),

		one(id) {
			if (!isId(id)) throw noSuchTask();
			return whenResolved(tasks.head(), ({ tasksRev }) => ones.find(tasksRev, id) ?? task(id, tasksRev));
		},
	};
}

function pageQuery(query: string, cursors: Cursors): TaskPageQuery {
	const { cursor, limit = 100, order = "desc" } = parse(query);
	return { order, limit, after: cursor === undefined ? undefined : readCursor(cursor, order, cursors) };
}

function readCursor(cursor: string, order: string, cursors: Cursors): number {
	const [sealedOrder, seq] = cursors.open("tasks", cursor)?.split(" ") ?? [];
	if (sealedOrder === order) return Number(seq);
	throw validationError([
		{ message: "is not a cursor that this list gave out for this order", path: "/cursor" },
	]);
}

function nextLink({ order, limit }: TaskPageQuery, cursor: string): string {
	return `<${listPath}?${new URLSearchParams({ cursor, limit: String(limit), order })}>; rel="next"`;
}
