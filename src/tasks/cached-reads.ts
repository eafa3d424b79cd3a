import type { Cursors } from "../http/paging.ts";
import { readQuery } from "../http/validation.ts";
import { type Representation, represent } from "../kernel/canonical.ts";
import { validationError } from "../kernel/errors.ts";
import { isId } from "../kernel/ids.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import { taskBody, taskListBody } from "./representation.ts";
import { RevisionCache } from "./revision-cache.ts";
import { TaskQuery } from "./schema.ts";
import { noSuchTask, requireTask } from "./service.ts";
import type { TaskPageQuery, TaskRevision, TaskStore } from "./store.ts";

export const listPath = "/collab/state/tasks";

/** A page of tasks as it is sent. */
export interface TaskListPage extends Representation {
	/** The `Link` header, if there is a next page. */
	readonly link: string | undefined;
}

/** A page, and the revision of the log that it shows. */
export interface CurrentPage {
	readonly page: TaskListPage;
	readonly revision: TaskRevision;
}

/** The responses of reads: built once while no task changes, and returned synchronously where that is known at once. */
export interface CachedReads {
	/** The page for a query string. Throws `validation_error`. */
	list(query: string): MaybePromise<CurrentPage>;
	/** One task. Throws `not_found`. */
	one(id: string): MaybePromise<Representation>;
}

const parse = readQuery(TaskQuery);

export function cachedReads(store: TaskStore, cursors: Cursors): CachedReads {
	const pages = new RevisionCache<TaskListPage>();
	const tasks = new RevisionCache<Representation>();

	async function readPage(query: string): Promise<CurrentPage> {
		const wanted = pageQuery(query, cursors);
		const { rows, more, revision } = await store.list(wanted);
		const last = more ? rows.at(-1) : undefined;
		const next = last && cursors.seal("tasks", `${wanted.order} ${last.seq}`);
		const page = { ...represent(taskListBody(rows, next)), link: next && nextLink(wanted, next) };
		pages.keep(revision.tasksRev, query, page);
		return { page, revision };
	}

	async function readTask(id: string, tasksRev: number): Promise<Representation> {
		const found = represent(taskBody(requireTask(await store.find(id))));
		tasks.keep(tasksRev, id, found);
		return found;
	}

	return {
		list: (query) =>
			whenResolved(store.revision(), (revision) => {
				const page = pages.find(revision.tasksRev, query);
				return page === undefined ? readPage(query) : { page, revision };
			}),

		one(id) {
			if (!isId(id)) throw noSuchTask();
			return whenResolved(
				store.revision(),
				({ tasksRev }) => tasks.find(tasksRev, id) ?? readTask(id, tasksRev),
			);
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
