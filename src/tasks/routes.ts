import { type Context, Elysia } from "elysia";
import type { Representation } from "../canonical.ts";
import type { Clock } from "../clock.ts";
import type { BodyReader } from "../http/body.ts";
import { idempotentRequest } from "../http/idempotency.ts";
import type { Cursors } from "../http/paging.ts";
import { isKnown, readIfMatch, requireMatch } from "../http/preconditions.ts";
import { contextOf } from "../http/request-context.ts";
import { jsonBody, queryOf } from "../http/validation.ts";
import { isId, type NewId } from "../ids.ts";
import { whenResolved } from "../maybe-promise.ts";
import { cachedReads, listPath } from "./cached-reads.ts";
import { noSuchTask, taskPath } from "./changes.ts";
import { createDoc, getDoc, listDoc, patchDoc, removeDoc } from "./operations.ts";
import { NewTask, TaskPatch } from "./schema.ts";
import type { TaskStore } from "./store.ts";

export interface TaskRouteDeps {
	readonly tasks: TaskStore;
	readonly readBody: BodyReader;
	/** The id of the user whose token the request bears; refuses with `unauthorized`. */
	readonly requireUser: (request: Request) => string | Promise<string>;
	readonly cursors: Cursors;
	readonly clock: Clock;
	readonly newId: NewId;
}

const newTask = jsonBody(NewTask);
const taskPatch = jsonBody(TaskPatch);

export function taskRoutes({ tasks, readBody, requireUser, cursors, clock, newId }: TaskRouteDeps) {
	const answers = cachedReads(tasks, cursors);

	/** A change whose body is faulty is still judged by existence and precondition first (contract §1). */
	async function requireCurrent(id: string, request: Request): Promise<void> {
		requireMatch(readIfMatch(request.headers), await answers.one(id));
	}

	return new Elysia()
		.post(
			"/collab/tasks",
			async ({ request, set }) => {
				const body = newTask(await readBody(request));
				const user = await requireUser(request);
				const task = body.value();
				const idempotent = idempotentRequest(request.headers, user, "POST /collab/tasks", task);
				const { requestId } = contextOf(request);
				const created = await tasks.create({ id: newId(), task, idempotent, now: clock(), requestId });
				set.headers.etag = created.task.etag;
				set.headers.location = taskPath(created.id);
				if (created.replayed) set.headers["idempotency-replayed"] = "true";
				return created.task.body;
			},
			{ detail: createDoc },
		)
		.get(
			listPath,
			({ request, set }) =>
				whenResolved(answers.list(queryOf(request.url)), ({ list, head }) => {
					set.headers["x-event-id"] = String(head.rev);
					if (list.link !== undefined) set.headers.link = list.link;
					return unlessKnown(request, set, list);
				}),
			{ detail: listDoc },
		)
		.get(
			"/collab/tasks/:id",
			({ request, params, set }) =>
				whenResolved(answers.one(params.id), (task) => unlessKnown(request, set, task)),
			{ detail: getDoc },
		)
		.patch(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				const body = taskPatch(await readBody(request));
				await requireUser(request);
				const { id } = params;
				if (body.isFaulty) await requireCurrent(id, request);
				const ifMatch = readIfMatch(request.headers);
				const { requestId } = contextOf(request);
				if (!isId(id)) throw noSuchTask();
				const task = await tasks.update({ id, ifMatch, patch: body.value(), now: clock(), requestId });
				set.headers.etag = task.etag;
				return task.body;
			},
			{ detail: patchDoc },
		)
		.delete(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				await requireUser(request);
				if (!isId(params.id)) throw noSuchTask();
				const ifMatch = readIfMatch(request.headers);
				const { requestId } = contextOf(request);
				await tasks.remove({ id: params.id, ifMatch, now: clock(), requestId });
				return nothing(set, 204);
			},
			{ detail: removeDoc },
		);
}

/** The body, or 304 where the client has it already. */
function unlessKnown(request: Request, set: Context["set"], { body, etag }: Representation): string | null {
	set.headers.etag = etag;
	set.headers["cache-control"] = "no-cache";
	if (!isKnown(request.headers, etag)) return body;
	return nothing(set, 304);
}

/** An answer without a body, and so without a type. */
function nothing(set: Context["set"], status: 204 | 304): null {
	set.status = status;
	delete set.headers["content-type"];
	return null;
}
