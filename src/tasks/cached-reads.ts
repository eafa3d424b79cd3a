import type { Cursors } from "../http/paging.ts";
import { type Representation, represent } from "../kernel/canonical.ts";
import { isId } from "../kernel/ids.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import type { SpaceId } from "../kernel/space.ts";
import { noSuchTask, requireTask } from "./changes.ts";
import { listRequest, placeOf } from "./list-query.ts";
import { briefTaskBody, taskBody, taskListBody, taskStatsBody } from "./representation.ts";
import { RevisionCache } from "./revision-cache.ts";
import type { TaskPage, TaskPageQuery, TaskPlace, TaskRevision, TaskStore } from "./store.ts";

/** In characters: the counts of some hundred spaces. */
const countsLengthMax = 64 * 1024;

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

/** The counts by status, and the revision of the log that they show. */
export interface CurrentStats {
	readonly stats: Representation;
	readonly revision: TaskRevision;
}

/** The responses of reads: built once while no task changes, and returned synchronously where that is known at once. */
export interface CachedReads {
	/** The page for a query string. Throws `validation_error`. */
	list(space: SpaceId, query: string): MaybePromise<CurrentPage>;
	stats(space: SpaceId): MaybePromise<CurrentStats>;
	/** One task. Throws `not_found`. */
	one(space: SpaceId, id: string): MaybePromise<Representation>;
}

export function cachedReads(store: TaskStore, cursors: Cursors): CachedReads {
	const pages = new RevisionCache<TaskListPage>();
	const tasks = new RevisionCache<Representation>();
	const counts = new RevisionCache<Representation>(countsLengthMax);

	async function readPage(space: SpaceId, query: string): Promise<CurrentPage> {
		const request = listRequest(space, query, cursors);
		const { revision, ...found } = await store.list(request.query);
		const { items, next } = pageOf(request.query, found);
		const cursor = next && request.cursorOf(next);
		const body = taskListBody(items, cursor);
		const page = { ...represent(body), next: cursor && request.pageAfter(cursor) };
		pages.keep(space, revision.tasksRev, query, page);
		return { page, revision };
	}

	async function readStats(space: SpaceId): Promise<CurrentStats> {
		const { counts: found, revision } = await store.stats(space);
		const stats = represent(taskStatsBody(found));
		counts.keep(space, revision.tasksRev, "", stats);
		return { stats, revision };
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

		stats: (space) =>
			whenResolved(store.revision(space), (revision) => {
				const stats = counts.find(space, revision.tasksRev, "");
				return stats === undefined ? readStats(space) : { stats, revision };
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

/** The bodies that fit. Storage knows the size of a row only nearly: JSON may be longer than the texts in it. */
function pageOf(
	{ sort, isBrief, bounds }: TaskPageQuery,
	{ rows, next }: Pick<TaskPage, "rows" | "next">,
): { readonly items: readonly string[]; readonly next: TaskPlace | undefined } {
	const items: string[] = [];
	let bytes = 0;
	for (const row of rows) {
		const body = isBrief ? briefTaskBody(row) : taskBody(row);
		items.push(body);
		bytes += Buffer.byteLength(body);
		if (bytes >= bounds.bytesMax && items.length < rows.length) return { items, next: placeOf(row, sort) };
	}
	return { items, next };
}
