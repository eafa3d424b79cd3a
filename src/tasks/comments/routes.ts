import { Elysia } from "elysia";
import type { BodyReader } from "../../http/body.ts";
import { noBody } from "../../http/conditional-get.ts";
import { idempotentRequest } from "../../http/idempotency.ts";
import type { Cursors } from "../../http/paging.ts";
import { queryOf } from "../../http/query.ts";
import { changeContext, contextOf } from "../../http/request-context.ts";
import { jsonBody, readQuery, Submitted } from "../../http/validation.ts";
import { represent } from "../../kernel/canonical.ts";
import type { Clock } from "../../kernel/clock.ts";
import { validationError } from "../../kernel/errors.ts";
import { isId, type NewId } from "../../kernel/ids.ts";
import type { MaybePromise } from "../../kernel/maybe-promise.ts";
import type { SpaceId } from "../../kernel/space.ts";
import { noSuchTask, requireTask } from "../changes.ts";
import { respond } from "../respond.ts";
import type { TaskStore } from "../store.ts";
import { addCommentOperation, listCommentsOperation, removeCommentOperation } from "./operations.ts";
import { commentListBody } from "./representation.ts";
import { CommentQuery, NewComment } from "./schema.ts";
import { type CommentService, commentsPath, noSuchComment } from "./service.ts";

/** Who changes tasks. */
export interface Commenter {
	/** In the scope of idempotency keys: a token and its user are two. */
	readonly id: string;
	/** The user, also of a token. */
	readonly userId: string;
	/** May delete anybody's comments. */
	readonly isOwner: boolean;
}

export interface CommentRouteDeps {
	readonly comments: CommentService;
	readonly tasks: Pick<TaskStore, "find">;
	readonly readBody: BodyReader;
	/** Who may change tasks in the request's space. Throws `unauthorized`, `forbidden`, `not_found`. */
	readonly requireWriter: (request: Request) => Promise<Commenter>;
	/** Throws the same unless the request may read tasks. No promise where everybody may. */
	readonly requireReader: (request: Request) => MaybePromise<void>;
	readonly cursors: Cursors;
	readonly clock: Clock;
	readonly newId: NewId;
}

/** The routes whose paths `commentsPath` makes. */
const path = "/collab/tasks/:id/comments";
/** A page ends with the comment that fills it (contract §1). */
const pageBytesMax = 4 * 1024 * 1024;

const newComment = jsonBody(NewComment);
const readListQuery = readQuery(CommentQuery);

export function commentRoutes(deps: CommentRouteDeps) {
	const { comments, tasks, readBody, requireWriter, requireReader, cursors, clock, newId } = deps;

	/** The task is looked for before what was submitted is judged (contract §1). */
	async function valueFor<T>(task: string, space: SpaceId, submitted: Submitted<T>): Promise<T> {
		if (!isId(task)) throw noSuchTask();
		if (submitted.isFaulty) requireTask(await tasks.find(space, task));
		return submitted.value();
	}

	return new Elysia()
		.post(
			path,
			async ({ request, params: { id: task }, set }) => {
				const body = newComment(await readBody(request));
				const { id: caller, userId } = await requireWriter(request);
				const context = changeContext(request);
				const submitted = new Submitted(() => {
					const comment = body.value();
					const whole = { comment, task };
					return { comment, idempotent: idempotentRequest(request, caller, `POST ${path}`, whole) };
				});
				const { comment, idempotent } = await valueFor(task, context.space, submitted);
				const change = { id: newId(), task, body: comment.body, userId, idempotent, now: clock(), context };
				const added = await comments.add(change);
				if (added.replayed) set.headers["idempotency-replayed"] = "true";
				return added.body;
			},
			{ detail: addCommentOperation },
		)
		.get(
			path,
			async ({ request, params: { id: task }, set }) => {
				await requireReader(request);
				const { space, prefix } = contextOf(request);
				const list = `comments ${space} ${task}`;
				const submitted = new Submitted(() => readPlace(cursors, list, queryOf(request.url)));
				const { after, limit } = await valueFor(task, space, submitted);
				const page = await comments.list({ space, task, limit, bytesMax: pageBytesMax, after });
				if (page === undefined) throw noSuchTask();
				const last = page.more ? page.rows.at(-1) : undefined;
				const next = last && cursors.seal(list, String(last.seq));
				set.headers["x-event-id"] = String(page.rev);
				if (next !== undefined) set.headers.link = `<${prefix}${nextPage(task, next, limit)}>; rel="next"`;
				return respond(request, set, represent(commentListBody(page.rows, next)));
			},
			{ detail: listCommentsOperation },
		)
		.delete(
			`${path}/:comment`,
			async ({ request, params: { id: task, comment: id }, set }) => {
				const { userId, isOwner } = await requireWriter(request);
				if (!isId(task)) throw noSuchTask();
				if (!isId(id)) throw noSuchComment();
				const context = changeContext(request);
				await comments.remove({ id, task, userId, isOwner, now: clock(), context });
				return noBody(set, 204);
			},
			{ detail: removeCommentOperation },
		);
}

function readPlace(cursors: Cursors, list: string, query: string) {
	const { cursor, limit = 100 } = readListQuery(query);
	if (cursor === undefined) return { after: 0, limit };
	const place = cursors.open(list, cursor);
	if (place !== undefined) return { after: Number(place), limit };
	throw validationError([{ message: "is not a cursor that this list gave out", path: "/cursor" }]);
}

function nextPage(task: string, cursor: string, limit: number): string {
	return `${commentsPath(task)}?${new URLSearchParams({ cursor, limit: String(limit) })}`;
}
