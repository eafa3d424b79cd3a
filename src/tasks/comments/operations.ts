import { notModified, operation } from "../../http/operation.ts";
import { pathParameter } from "../../http/parameters.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { guard, pathParameters, reading, security, tag } from "../operations.ts";
import { Comment, CommentList, CommentQuery, NewComment } from "./schema.ts";

const commentParameter = pathParameter("CommentId", "comment", "The comment's id.");

const bodyErrors = [
	"bad_request",
	"payload_too_large",
	"unsupported_media_type",
	"validation_error",
] as const satisfies readonly ErrorCode[];

export const addCommentOperation = operation({
	operationId: "addComment",
	tag,
	summary: "Comment on a task",
	description: "The task keeps its version and ETag. The event `task.commented` has the comment.",
	body: NewComment,
	security,
	pathParameters,
	requestHeaders: ["Idempotency-Key"],
	responses: {
		200: {
			description: "The comment.",
			schema: Comment,
			headers: ["Cache-Control", "Vary", "Idempotency-Replayed"],
		},
	},
	errors: [...guard, ...bodyErrors, "idempotency_mismatch", "unavailable"],
});

export const listCommentsOperation = operation({
	operationId: "listComments",
	tag,
	summary: "List the comments of a task, a page at a time",
	description:
		"`ETag` is for the page as a whole. Tail the events from `X-Event-Id` to see every later change, and none twice. The comments of a task that is deleted are gone with it.",
	query: CommentQuery,
	...reading,
	pathParameters,
	requestHeaders: ["If-None-Match"],
	responses: {
		200: {
			description: "A page of comments, oldest first.",
			schema: CommentList,
			headers: ["ETag", "Cache-Control", "Vary", "X-Event-Id", "Link"],
		},
		304: {
			description: notModified.description,
			headers: [...notModified.headers, "X-Event-Id", "Link"],
		},
	},
	errors: [...guard, "validation_error", "unavailable"],
});

export const removeCommentOperation = operation({
	operationId: "deleteComment",
	tag,
	summary: "Delete a comment",
	description:
		"For the user who wrote it, by a login or any access token that may write, and for owners of the space with a login. Wants no `If-Match`. The event `task.comment_deleted` has the comment.",
	security,
	pathParameters: [...pathParameters, commentParameter],
	responses: { 204: { description: "The comment is gone." } },
	errors: [...guard, "unavailable"],
});
