import { Elysia } from "elysia";
import { represent } from "../canonical.ts";
import type { Clock } from "../clock.ts";
import { invalid } from "../errors.ts";
import { callOf } from "../http/call.ts";
import { idempotentRequest } from "../http/idempotency.ts";
import type { Cursors } from "../http/paging.ts";
import { isKnown, readIfMatch, requireMatch } from "../http/preconditions.ts";
import { jsonBody, queryString } from "../http/schema.ts";
import { isId, type NewId } from "../ids.ts";
import { noSuchTask, taskPath } from "./changes.ts";
import { createDoc, getDoc, listDoc, patchDoc, removeDoc } from "./docs.ts";
import { taskBody, taskListBody } from "./representation.ts";
import { NewTask, TaskPatch, TaskQuery } from "./schema.ts";
import type { TaskPageQuery, TaskRow, TaskStore } from "./store.ts";

export interface TaskRouteDeps {
	readonly tasks: TaskStore;
	/** The id of the user whose token the request bears; refuses with `unauthorized`. */
	readonly requireUser: (request: Request) => Promise<string>;
	readonly cursors: Cursors;
	readonly clock: Clock;
	readonly newId: NewId;
}

const listPath = "/collab/state/tasks";

export function taskRoutes({ tasks, requireUser, cursors, clock, newId }: TaskRouteDeps) {
	/** A change whose body is faulty is still judged by existence and precondition first (contract §1). */
	async function requireCurrent(id: string, request: Request): Promise<void> {
		const row = await found(tasks, id);
		requireMatch(readIfMatch(request.headers), represent(taskBody(row)));
	}

	return new Elysia()
		.post(
			"/collab/tasks",
			async ({ request, body, set }) => {
				const user = await requireUser(request);
				const task = body.value();
				const idempotent = idempotentRequest(request.headers, user, "POST /collab/tasks", task);
				const { requestId } = callOf(request);
				const created = await tasks.create({ id: newId(), task, idempotent, now: clock(), requestId });
				set.headers.etag = created.task.etag;
				set.headers.location = taskPath(created.id);
				if (created.replayed) set.headers["idempotency-replayed"] = "true";
				return created.task.body;
			},
			{ body: jsonBody(NewTask), detail: createDoc },
		)
		.get(
			listPath,
			async ({ request, query, set }) => {
				const asked = pageQuery(query.value(), cursors);
				const page = await tasks.list(asked);
				const last = page.more ? page.rows.at(-1) : undefined;
				const next = last && cursors.seal("tasks", `${asked.order} ${last.seq}`);
				const list = represent(taskListBody(page.rows, next));
				set.headers.etag = list.etag;
				set.headers["cache-control"] = "no-cache";
				set.headers["x-event-id"] = String(page.rev);
				if (next) set.headers.link = nextLink(asked, next);
				if (!isKnown(request.headers, list.etag)) return list.body;
				set.status = 304;
				return null;
			},
			{ query: queryString(TaskQuery), detail: listDoc },
		)
		.get(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				const task = represent(taskBody(await found(tasks, params.id)));
				set.headers.etag = task.etag;
				set.headers["cache-control"] = "no-cache";
				if (!isKnown(request.headers, task.etag)) return task.body;
				set.status = 304;
				return null;
			},
			{ detail: getDoc },
		)
		.patch(
			"/collab/tasks/:id",
			async ({ request, params, body, set }) => {
				await requireUser(request);
				const { id } = params;
				if (body.isFaulty) await requireCurrent(id, request);
				const ifMatch = readIfMatch(request.headers);
				const { requestId } = callOf(request);
				if (!isId(id)) throw noSuchTask();
				const task = await tasks.update({ id, ifMatch, patch: body.value(), now: clock(), requestId });
				set.headers.etag = task.etag;
				return task.body;
			},
			{ body: jsonBody(TaskPatch), detail: patchDoc },
		)
		.delete(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				await requireUser(request);
				if (!isId(params.id)) throw noSuchTask();
				const ifMatch = readIfMatch(request.headers);
				const { requestId } = callOf(request);
				await tasks.remove({ id: params.id, ifMatch, now: clock(), requestId });
				set.status = 204;
				return null;
			},
			{ detail: removeDoc },
		);
}

async function found(tasks: TaskStore, id: string): Promise<TaskRow> {
	const row = isId(id) ? await tasks.find(id) : undefined;
	if (row === undefined) throw noSuchTask();
	return row;
}

function pageQuery(query: TaskQuery, cursors: Cursors): TaskPageQuery {
	const { cursor, limit = 100, order = "desc" } = query;
	return { order, limit, after: cursor === undefined ? undefined : readCursor(cursor, order, cursors) };
}

function readCursor(cursor: string, order: string, cursors: Cursors): number {
	const [sealedOrder, seq] = cursors.open("tasks", cursor)?.split(" ") ?? [];
	if (sealedOrder === order) return Number(seq);
	throw invalid([{ message: "is not a cursor that this list gave out for this order", path: "/cursor" }]);
}

function nextLink({ order, limit }: TaskPageQuery, cursor: string): string {
	return `<${listPath}?${new URLSearchParams({ cursor, limit: String(limit), order })}>; rel="next"`;
}
