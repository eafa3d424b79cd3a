import { Elysia } from "elysia";
import type { BodyReader } from "../http/body.ts";
import { readClaimFence } from "../http/claim-fence.ts";
import { noBody, setEtag } from "../http/conditional-get.ts";
import { idempotentRequest } from "../http/idempotency.ts";
import type { Cursors } from "../http/paging.ts";
import { readIfMatch } from "../http/preconditions.ts";
import { queryOf } from "../http/query.ts";
import { changeContext, contextOf, type RequestContext } from "../http/request-context.ts";
import { jsonBody } from "../http/validation.ts";
import type { Clock } from "../kernel/clock.ts";
import { isId, type NewId } from "../kernel/ids.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import { requireMatch } from "../kernel/precondition.ts";
import { cachedReads } from "./cached-reads.ts";
import { noSuchTask, taskPath } from "./changes.ts";
import { requireClaimFence } from "./claims/fence.ts";
import type { ClaimStore } from "./claims/store.ts";
import type { ClaimFence } from "./commands.ts";
import { listPath } from "./list-query.ts";
import {
	batchOperation,
	createOperation,
	getOperation,
	listOperation,
	patchOperation,
	removeOperation,
	statsOperation,
} from "./operations.ts";
import { taskBatchBody } from "./representation.ts";
import { respond } from "./respond.ts";
import { NewTask, NewTasks, TaskPatch } from "./schema.ts";
import type { TaskService } from "./service.ts";

/** Who makes a change. */
export interface Caller {
	/** In the scope of idempotency keys: a token and its user are two. */
	readonly id: string;
	/** As notes show it: of the token, else of the user. */
	readonly name: string;
	readonly isToken: boolean;
}

export interface TaskRouteDeps {
	readonly tasks: TaskService;
	readonly claims: Pick<ClaimStore, "find">;
	readonly readBody: BodyReader;
	/** Who may change tasks in the request's space. Throws `unauthorized`, `forbidden`, `not_found`. */
	readonly requireWriter: (request: Request) => Promise<Caller>;
	/** Throws the same unless the request may read tasks. No promise where everybody may. */
	readonly requireReader: (request: Request) => MaybePromise<void>;
	readonly cursors: Cursors;
	readonly clock: Clock;
	readonly newId: NewId;
}

const newTask = jsonBody(NewTask);
const newTasks = jsonBody(NewTasks);
const taskPatch = jsonBody(TaskPatch);

export function taskRoutes(deps: TaskRouteDeps) {
	const { tasks, claims, readBody, requireWriter, requireReader, cursors, clock, newId } = deps;
	const reads = cachedReads(tasks, cursors);

	/** `read`, once the request may read tasks. */
	function whenAdmitted<T>(
		request: Request,
		read: (context: RequestContext) => MaybePromise<T>,
	): MaybePromise<T> {
		return whenResolved(requireReader(request), () => read(contextOf(request)));
	}

	/** Existence and preconditions are checked before the body, also if the body is invalid (contract §1). */
	async function requireCurrent(id: string, request: Request, claimFence: ClaimFence): Promise<void> {
		const { space } = contextOf(request);
		requireMatch(readIfMatch(request.headers), await reads.one(space, id));
		if (claimFence !== "absent") requireClaimFence(await claims.find(space, id), claimFence);
	}

	return new Elysia()
		.post(
			"/collab/tasks",
			async ({ request, set }) => {
				const body = newTask(await readBody(request));
				const { id, name: author } = await requireWriter(request);
				const task = body.value();
				const idempotent = idempotentRequest(request, id, "POST /collab/tasks", task);
				const context = changeContext(request);
				const created = await tasks.create({ id: newId(), task, author, idempotent, now: clock(), context });
				setEtag(set, created.task.etag);
				set.headers.location = contextOf(request).prefix + taskPath(created.id);
				if (created.replayed) set.headers["idempotency-replayed"] = "true";
				return created.task.body;
			},
			{ detail: createOperation },
		)
		.post(
			"/collab/tasks/batch",
			async ({ request, set }) => {
				const body = newTasks(await readBody(request));
				const { id, name: author } = await requireWriter(request);
				const batch = body.value();
				const idempotent = idempotentRequest(request, id, "POST /collab/tasks/batch", batch);
				const items = batch.tasks.map((task) => ({ id: newId(), task }));
				const made = { author, idempotent, now: clock(), context: changeContext(request) };
				const { bodies, replayed } = await tasks.createBatch({ tasks: items, ...made });
				set.headers["content-type"] = "application/json";
				if (replayed) set.headers["idempotency-replayed"] = "true";
				return taskBatchBody(bodies);
			},
			{ detail: batchOperation },
		)
		.get(
			listPath,
			({ request, set }) =>
				whenAdmitted(request, ({ space, prefix }) =>
					whenResolved(reads.list(space, queryOf(request.url)), ({ page, revision }) => {
						set.headers["x-event-id"] = String(revision.rev);
						if (page.next !== undefined) set.headers.link = `<${prefix}${page.next}>; rel="next"`;
						return respond(request, set, page);
					}),
				),
			{ detail: listOperation },
		)
		.get(
			"/collab/tasks/stats",
			({ request, set }) =>
				whenAdmitted(request, ({ space }) =>
					whenResolved(reads.stats(space), ({ stats, revision }) => {
						set.headers["x-event-id"] = String(revision.rev);
						return respond(request, set, stats);
					}),
				),
			{ detail: statsOperation },
		)
		.get(
			"/collab/tasks/:id",
			({ request, params, set }) =>
				whenAdmitted(request, ({ space }) =>
					whenResolved(reads.one(space, params.id), (task) => respond(request, set, task)),
				),
			{ detail: getOperation },
		)
		.patch(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				const body = taskPatch(await readBody(request));
				const caller = await requireWriter(request);
				const { id } = params;
				const claimFence = claimFenceOf(request, caller);
				if (body.isFaulty) await requireCurrent(id, request, claimFence);
				const ifMatch = readIfMatch(request.headers);
				if (!isId(id)) throw noSuchTask();
				const context = changeContext(request);
				const patch = body.value();
				const author = caller.name;
				const change = { id, ifMatch, claimFence, patch, author, now: clock(), context };
				const task = await tasks.update(change);
				setEtag(set, task.etag);
				return task.body;
			},
			{ detail: patchOperation },
		)
		.delete(
			"/collab/tasks/:id",
			async ({ request, params, set }) => {
				const claimFence = claimFenceOf(request, await requireWriter(request));
				if (!isId(params.id)) throw noSuchTask();
				const ifMatch = readIfMatch(request.headers);
				const context = changeContext(request);
				await tasks.remove({ id: params.id, ifMatch, claimFence, now: clock(), context });
				return noBody(set, 204);
			},
			{ detail: removeOperation },
		);
}

/** A person may take a task from others, an access token may not. */
function claimFenceOf({ headers }: Request, { isToken }: Caller): ClaimFence {
	const given = readClaimFence(headers);
	return given === "any" && isToken ? "forbidden" : given;
}
