import { operation } from "../http/operation.ts";
import { NewTask, Task, TaskList, TaskPatch, TaskQuery } from "./schema.ts";

const tag = "Tasks";
const pathParameters = { id: "The task's id." };
const ifMatch = { description: "The ETag last seen, or `*`.", required: true };
const ifNoneMatch = { description: "ETags that the client has; one that is current gives 304." };
const notModified = {
	description: "The client has the current version.",
	headers: ["ETag", "Cache-Control", "Vary"],
} as const;

export const createDoc = operation({
	operationId: "createTask",
	tag,
	summary: "Create a task",
	body: NewTask,
	security: "bearer",
	requestHeaders: {
		"Idempotency-Key": { description: "1–255 visible ASCII characters; a repeat replays the first answer." },
	},
	answers: {
		200: { description: "The task.", schema: Task, headers: ["ETag", "Location", "Idempotency-Replayed"] },
	},
	errors: [
		"bad_request",
		"unauthorized",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"idempotency_mismatch",
		"unavailable",
	],
});

export const listDoc = operation({
	operationId: "listTasks",
	tag,
	summary: "List tasks, a page at a time",
	query: TaskQuery,
	requestHeaders: { "If-None-Match": ifNoneMatch },
	answers: {
		200: {
			description: "A page of tasks, newest first unless `order=asc`.",
			schema: TaskList,
			headers: ["ETag", "Cache-Control", "Vary", "X-Event-Id", "Link"],
		},
		304: { ...notModified, headers: [...notModified.headers, "X-Event-Id", "Link"] },
	},
	errors: ["validation_error", "unavailable"],
});

export const getDoc = operation({
	operationId: "getTask",
	tag,
	summary: "Get one task",
	pathParameters,
	requestHeaders: { "If-None-Match": ifNoneMatch },
	answers: {
		200: { description: "The task.", schema: Task, headers: ["ETag", "Cache-Control", "Vary"] },
		304: notModified,
	},
	errors: ["not_found", "unavailable"],
});

export const patchDoc = operation({
	operationId: "updateTask",
	tag,
	summary: "Change a task that nobody else has changed since",
	body: TaskPatch,
	bodyTypes: ["application/json", "application/merge-patch+json"],
	description: "A patch that changes nothing keeps version and ETag.",
	security: "bearer",
	pathParameters,
	requestHeaders: { "If-Match": ifMatch },
	answers: { 200: { description: "The changed task.", schema: Task, headers: ["ETag"] } },
	errors: [
		"bad_request",
		"unauthorized",
		"not_found",
		"precondition_failed",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"precondition_required",
		"unavailable",
	],
});

export const removeDoc = operation({
	operationId: "deleteTask",
	tag,
	summary: "Delete a task that nobody else has changed since",
	security: "bearer",
	pathParameters,
	requestHeaders: { "If-Match": ifMatch },
	answers: { 204: { description: "The task is gone." } },
	errors: [
		"bad_request",
		"unauthorized",
		"not_found",
		"precondition_failed",
		"precondition_required",
		"unavailable",
	],
});
