import { Elysia } from "elysia";
import type { BodyReader } from "../http/body.ts";
import { noBody, setEtag } from "../http/conditional-get.ts";
import { idempotentRequest } from "../http/idempotency.ts";
import type { Cursors } from "../http/paging.ts";
import { readIfMatch } from "../http/preconditions.ts";
import { changeContext, contextOf } from "../http/request-context.ts";
import { jsonBody, queryOf } from "../http/validation.ts";
import type { Clock } from "../kernel/clock.ts";
import { isId, type NewId } from "../kernel/ids.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import { requireMatch } from "../kernel/precondition.ts";
import { cachedReads, listPath } from "./cached-reads.ts";
import {
	createOperation,
	getOperation,
	listOperation,
	patchOperation,
	removeOperation,
} from "./operations.ts";
import { respond } from "./respond.ts";
import { NewTask, TaskPatch } from "./schema.ts";
import { noSuchTask, type TaskService, taskPath } from "./service.ts";

export interface TaskRouteDeps {
	readonly tasks: TaskService;
	readonly readBody: BodyReader;
	/** Who may change tasks in the request's space. Throws `unauthorized`, `forbidden`, `not_found`. */
	readonly requireWriter: (request: Request) => Promise<string>;
	/** Throws the same unless the request may read tasks. No promise where everybody may. */
	readonly requireReader: (request: Request) => MaybePromise<void>;
	readonly cursors: Cursors;
	readonly clock: Clock;
	readonly newId: NewId;
}

const newTask = jsonBody(NewTask);
const taskPatch = jsonBody(TaskPatch);

export function taskRoutes(deps: TaskRouteDeps) {
	const { tasks, readBody, requireWriter, requireReader, cursors, clock, newId } = deps;
	const reads = cachedReads(tasks, cursors);

	/** Existence and precondition are checked before the body, also if the body is invalid (contract §1). */
	async function requireCurrent(id: string, request: Request): Promise<void> {
		requireMatch(readIfMatch(request.headers), await reads.one(contextOf(request).space, id));
	}

	return new Elysia()
		.post(
			"/collab/tasks",
			async ({ request, set }) => {
				const body = newTask(await readBody(request));
				const caller = await requireWriter(request);
				const task = body.value();
				const idempotent = idempotentRequest(request, caller, "POST /collab/tasks", task);
				const context = changeContext(request);
				const created = await tasks.create({ id: newId(), task, idempotent, now: clock(), context });
				setEtag(set, created.task.etag);
				set.headers.location = contextOf(request).prefix + taskPath(created.id);
				if (created.replayed) set.headers["idempotency-replayed"] = "true";
				return created.task.body;
			},
			{ detail: createOperation },
		)
		.get(
			listPath,
			({ request, set }) =>
				whenResolved(requireReader(request), () => {
					const { space, prefix } = contextOf(request);
					return whenResolved(reads.list(space, queryOf(request.url)), ({ page, revision }) => {
						set.headers["x-event-id"] = String(revision.rev);
						if (page.next !== undefined) set.headers.link = `<${prefix}${page.next}>; rel="next"`;
						return respond(request, set, page);
					});
				}),
			{ detail: listOperation },
		)
		.get(
			"/collab/tasks/:id",
			({ request, params, set }) =>
				whenResolved(requireReader(request), () =>
					whenResolved(reads.one(contextOf(request).space, params.id), (task) => respond(request, set, task)),
				),
			{ detail: getOperation },
		)
		.patch(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				const body = taskPatch(await readBody(request));
				await requireWriter(request);
				const { id } = params;
				if (body.isFaulty) await requireCurrent(id, request);
				const ifMatch = readIfMatch(request.headers);
				if (!isId(id)) throw noSuchTask();
				const context = changeContext(request);
				const task = await tasks.update({ id, ifMatch, patch: body.value(), now: clock(), context });
				setEtag(set, task.etag);
				return task.body;
			},
			{ detail: patchOperation },
		)
		.delete(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				await requireWriter(request);
				if (!isId(params.id)) throw noSuchTask();
				const ifMatch = readIfMatch(request.headers);
				const context = changeContext(request);
				await tasks.remove({ id: params.id, ifMatch, now: clock(), context });
				return noBody(set, 204);
			},
			{ detail: removeOperation },
		);
}
