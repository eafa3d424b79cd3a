import { notModified, operation } from "../http/operation.ts";
import { pathParameter } from "../http/parameters.ts";
import type { ErrorCode } from "../kernel/errors.ts";
import { NewTask, NewTasks, Task, TaskBatch, TaskList, TaskPatch, TaskQuery, TaskStats } from "./schema.ts";

export const tag = {
	name: "Tasks",
	description:
		"What people and agents have to do. Writers of a space may change them. In `default` everybody may read, or with `READS=login` whoever has a credential, as in every other space.",
};
export const security = ["bearer", "apiKey"] as const;
/** Without a credential where reads are public. */
export const reading = { security, anonymousToo: true } as const;
/** What the credential, and the space, may be found lacking in. */
export const guard = ["unauthorized", "forbidden", "not_found"] as const satisfies readonly ErrorCode[];
export const pathParameters = [pathParameter("TaskId", "id", "The task's id.")];

export const createOperation = operation({
	operationId: "createTask",
	tag,
	summary: "Create a task",
	description: "Its version starts at 1. `Location` has its path, `ETag` the tag to change it with.",
	body: NewTask,
	security,
	requestHeaders: ["Idempotency-Key"],
	responses: {
		200: {
			description: "The task.",
			schema: Task,
			headers: ["ETag", "Cache-Control", "Location", "Idempotency-Replayed"],
		},
	},
	errors: [
		"bad_request",
		...guard,
		"conflict",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"idempotency_mismatch",
		"unavailable",
	],
});

export const batchOperation = operation({
	operationId: "createTasks",
	tag,
	summary: "Create many tasks, all or none",
	description:
		"The items are in the order of the tasks, as their events are. A repeat under the same key gives the same items as they are by then.",
	body: NewTasks,
	security,
	requestHeaders: ["Idempotency-Key"],
	responses: {
		200: {
			description: "The tasks.",
			schema: TaskBatch,
			headers: ["Cache-Control", "Idempotency-Replayed"],
		},
	},
	errors: [
		"bad_request",
		...guard,
		"conflict",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"idempotency_mismatch",
		"unavailable",
	],
});

export const listOperation = operation({
	operationId: "listTasks",
	tag,
	summary: "List tasks, a page at a time",
	description:
		"`ETag` is for the page as a whole. Tail the events from `X-Event-Id` to see every later change, and none twice.",
	query: TaskQuery,
	...reading,
	requestHeaders: ["If-None-Match"],
	responses: {
		200: {
			description:
				"A page of tasks. It may be short, or empty: only where `next_cursor` is absent is it the last one.",
			schema: TaskList,
			headers: ["ETag", "Cache-Control", "Vary", "X-Event-Id", "Link"],
		},
		304: {
			description: notModified.description,
			headers: [...notModified.headers, "X-Event-Id", "Link"],
		},
	},
	errors: [...guard, "validation_error", "unavailable"],
});

export const statsOperation = operation({
	operationId: "countTasks",
	tag,
	summary: "Count the tasks of each status",
	description: "As the list, it has the newest event that the counts include in `X-Event-Id`.",
	...reading,
	requestHeaders: ["If-None-Match"],
	responses: {
		200: {
			description: "The counts, one for each status.",
			schema: TaskStats,
			headers: ["ETag", "Cache-Control", "Vary", "X-Event-Id"],
		},
		304: { description: notModified.description, headers: [...notModified.headers, "X-Event-Id"] },
	},
	errors: [...guard, "unavailable"],
});

export const getOperation = operation({
	operationId: "getTask",
	tag,
	summary: "Get one task",
	description: "Gives the same body as the creation or the change that made this version.",
	...reading,
	pathParameters,
	requestHeaders: ["If-None-Match"],
	responses: {
		200: { description: "The task.", schema: Task, headers: ["ETag", "Cache-Control", "Vary"] },
		304: notModified,
	},
	errors: [...guard, "unavailable"],
});

export const patchOperation = operation({
	operationId: "updateTask",
	tag,
	summary: "Change a task that nobody else has changed since",
	body: TaskPatch,
	bodyTypes: ["application/json", "application/merge-patch+json"],
	description:
		"Lists are replaced whole, metadata is merged (RFC 7396), and `null` takes a field back to its default. A patch that changes nothing keeps version and ETag.",
	security,
	pathParameters,
	requestHeaders: ["If-Match", "Claim-Fence"],
	responses: { 200: { description: "The changed task.", schema: Task, headers: ["ETag", "Cache-Control"] } },
	errors: [
		"bad_request",
		...guard,
		"conflict",
		"lease_lost",
		"claimed",
		"precondition_failed",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"precondition_required",
		"unavailable",
	],
});

export const removeOperation = operation({
	operationId: "deleteTask",
	tag,
	summary: "Delete a task that nobody else has changed since",
	description:
		"`If-Match` names the version that may be deleted. The event of the deletion has its last state.",
	security,
	pathParameters,
	requestHeaders: ["If-Match", "Claim-Fence"],
	responses: { 204: { description: "The task is gone." } },
	errors: [
		"claimed",
		"lease_lost",
		"bad_request",
		...guard,
		"precondition_failed",
		"precondition_required",
		"unavailable",
	],
});
