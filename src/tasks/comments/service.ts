import { AppError } from "../../kernel/errors.ts";
import type { EventType } from "../../kernel/event-draft.ts";
import { idempotencyReads, once } from "../../kernel/idempotency.ts";
import type { RunUnit, Unit, UnitOfWork } from "../../kernel/unit-of-work.ts";
import { noSuchTask, taskPath } from "../changes.ts";
import { tasks } from "../collection.ts";
import { commentBody } from "./representation.ts";
import {
	type AddComment,
	type AddedComment,
	type CommentRow,
	type CommentStore,
	comments,
	type RemoveComment,
} from "./store.ts";

/**
 * The use cases of comments. Each is one transaction with its event, and leaves the task as it is. Throws `not_found`,
 * `forbidden`, `idempotency_mismatch`, `unavailable`.
 */
export interface CommentService extends CommentStore {
	add(change: AddComment): Promise<AddedComment>;
	/** Throws `forbidden` unless the user wrote the comment, or is an owner of the space. */
	remove(change: RemoveComment): Promise<void>;
}

export function commentService(store: CommentStore, run: RunUnit): CommentService {
	return {
		...store,
		add: (change) => run(addComment(change)),
		remove: (change) => run(removeComment(change)),
	};
}

/** A repeat gives the first comment again, also when the task is gone by then. */
function addComment(change: AddComment): Unit<AddedComment> {
	const { task, idempotent, context } = change;
	return {
		space: context.space,
		reads: [tasks.reads({ states: [task] }), comments.inserts(), ...idempotencyReads(idempotent)],
		textLength: change.body.length,
		decide: (work) =>
			once(work, idempotent, () => {
				requireTask(work, task);
				return { body: insert(work, change) };
			}),
	};
}

function requireTask(work: UnitOfWork, id: string): void {
	if (work.rows(tasks).state(id) === undefined) throw noSuchTask();
}

function insert(work: UnitOfWork, change: AddComment): string {
	const { id, task, body, userId, now, context } = change;
	const comment = { id, task, body, createdBy: context.actor, createdAt: now };
	const data = commentBody(comment);
	const seq = append(work, "task.commented", change, data);
	work.rows(comments).insert({ ...comment, seq, space: context.space, userId });
	return data;
}

function removeComment(change: RemoveComment): Unit<void> {
	const { id, task, userId, isOwner, context } = change;
	return {
		space: context.space,
		reads: [tasks.reads({ states: [task] }), comments.reads({ ids: [id] })],
		decide(work) {
			requireTask(work, task);
			const comment = work.rows(comments).find(id);
			if (comment?.task !== task) throw noSuchComment();
			requireMayRemove(comment, userId, isOwner);
			append(work, "task.comment_deleted", change, commentBody(comment));
			work.rows(comments).remove(comment);
		},
	};
}

function requireMayRemove(comment: CommentRow, userId: string, isOwner: boolean): void {
	if (comment.userId === userId || isOwner) return;
	throw new AppError("forbidden", "Only its author and an owner of the space can delete a comment.");
}

function append(
	work: UnitOfWork,
	type: EventType,
	{ id, task, context, now }: AddComment | RemoveComment,
	data: string,
): number {
	return work.append({ ...context, type, subject: `${commentsPath(task)}/${id}`, data, time: now });
}

export function noSuchComment(): AppError {
	return new AppError("not_found", "There is no such comment.");
}

/** The path of a task's comments. */
export function commentsPath(task: string): string {
	return `${taskPath(task)}/comments`;
}
