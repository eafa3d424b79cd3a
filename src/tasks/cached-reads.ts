import type { Cursors } from "../http/paging.ts";
import { readQuery } from "../http/validation.ts";
import { type Representation, represent } from "../kernel/canonical.ts";
import { validationError } from "../kernel/errors.ts";
import { isId } from "../kernel/ids.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import type { SpaceId } from "../kernel/space.ts";
import { noSuchTask, requireTask } from "./changes.ts";
import { taskBody, taskListBody } from "./representation.ts";
import { RevisionCache } from "./revision-cache.ts";
import { TaskQuery } from "./schema.ts";
import type { TaskPageQuery, TaskRevision, TaskStore } from "./store.ts";

export const listPath = "/collab/state/tasks";

/** A page of tasks as it is sent. */
export interface TaskListPage extends Representation {
	/** The address of the next page, without a space's prefix, if there is one. */
	readonly next: string | undefined;
}

/** A page, and the revision of the log that it shows. */
export interface CurrentPage {
	readonly page: TaskListPage;
	readonly revision: TaskRevision;
}

/** The responses of reads: built once while no task changes, and returned synchronously where that is known at once. */
export interface CachedReads {
	/** The page for a query string. Throws `validation_error`. */
	list(space: SpaceId, query: string): MaybePromise<CurrentPage>;
	/** One task. Throws `not_found`. */
	one(space: SpaceId, id: string): MaybePromise<Representation>;
}

const parse = readQuery(TaskQuery);

export function cachedReads(store: TaskStore, cursors: Cursors): CachedReads {
	const pages = new RevisionCache<TaskListPage>();
	const tasks = new RevisionCache<Representation>();

	async function readPage(space: SpaceId, query: string): Promise<CurrentPage> {
		const wanted = pageQuery(space, query, cursors);
		const { rows, more, revision } = await store.list(wanted);
		const last = more ? rows.at(-1) : undefined;
		const next = last && cursors.seal(listName(space), `${wanted.order} ${last.seq}`);
		const page = { ...represent(taskListBody(rows, next)), next: next && nextPage(wanted, next) };
		pages.keep(space, revision.tasksRev, query, page);
		return { page, revision };
	}

	async function readTask(space: SpaceId, id: string, tasksRev: number): Promise<Representation> {
		const found = represent(taskBody(requireTask(await store.find(space, id))));
		tasks.keep(space, tasksRev, id, found);
		return found;
	}

	return {
		list: (space, query) =>
			whenResolved(store.revision(space), (revision) => {
				const page = pages.find(space, revision.tasksRev, query);
				return page === undefined ? readPage(space, query) : { page, revision };
			}),

		one(space, id) {
			if (!isId(id)) throw noSuchTask();
			return whenResolved(
				store.revision(space),
				({ tasksRev }) => tasks.find(space, tasksRev, id) ?? readTask(space, id, tasksRev),
			);
		},
	};
}

function pageQuery(space: SpaceId, query: string, cursors: Cursors): TaskPageQuery {
	const { cursor, limit = 100, order = "desc" } = parse(query);
	const after = cursor === undefined ? undefined : readCursor(space, cursor, order, cursors);
	return { space, order, limit, after };
}

/** A cursor belongs to one space. */
function listName(space: SpaceId): string {
	return `tasks ${space}`;
}

function readCursor(space: SpaceId, cursor: string, order: string, cursors: Cursors): number {
	const [sealedOrder, seq] = cursors.open(listName(space), cursor)?.split(" ") ?? [];
	if (sealedOrder === order) return Number(seq);
	throw validationError([
		{ message: "is not a cursor that this list gave out for this order", path: "/cursor" },
	]);
}

function nextPage({ order, limit }: TaskPageQuery, cursor: string): string {
	return `${listPath}?${new URLSearchParams({ cursor, limit: String(limit), order })}`;
}
