import type { TSchema } from "typebox";
import type { HeaderName } from "../../http/described-headers.ts";
import { notModified, operation } from "../../http/operation.ts";
import { pathParameter } from "../../http/parameters.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { Task } from "../schema.ts";
import {
	Claim,
	ClaimCompletion,
	ClaimedTask,
	ClaimHeartbeat,
	ClaimList,
	ClaimNextRequest,
	ClaimQuery,
	ClaimRelease,
	ClaimTaskRequest,
	TaskResult,
} from "./schema.ts";

const tag = {
	name: "Claims",
	description: "Who does which task: one holder at a time, for a time, under a fence.",
};
const security = ["bearer", "apiKey"] as const;
const guard = ["unauthorized", "forbidden", "not_found"] as const satisfies readonly ErrorCode[];
const bodyErrors = [
	"bad_request",
	"payload_too_large",
	"unsupported_media_type",
	"validation_error",
] as const satisfies readonly ErrorCode[];
const pathParameters = [pathParameter("TaskId", "id", "The task's id.")];
const claimHeaders = [
	"ETag",
	"Cache-Control",
	"Idempotency-Replayed",
] as const satisfies readonly HeaderName[];

export const claimNextOperation = operation({
	operationId: "claimNextTask",
	tag,
	summary: "Claim the first ready task",
	description:
		"By priority, rank and age: the first one that has the label and whose assignee is null or the holder. With `wait_seconds` the response comes as soon as there is one.",
	body: ClaimNextRequest,
	security,
	requestHeaders: ["Idempotency-Key"],
	responses: {
		200: {
			description: "The claim, and the task, whose tag `ETag` is.",
			schema: ClaimedTask,
			headers: claimHeaders,
		},
		204: { description: "There was none in time." },
	},
	errors: [...guard, ...bodyErrors, "lease_lost", "idempotency_mismatch", "unavailable"],
});

export const claimTaskOperation = operation({
	operationId: "claimTask",
	tag,
	summary: "Claim this task",
	description:
		"Whoever its assignee: an open one, also deferred, or one in progress that nobody has claimed.",
	body: ClaimTaskRequest,
	security,
	pathParameters,
	requestHeaders: ["Idempotency-Key"],
	responses: {
		200: {
			description: "The claim, and the task, whose tag `ETag` is.",
			schema: ClaimedTask,
			headers: claimHeaders,
		},
	},
	errors: [
		...guard,
		...bodyErrors,
		"claimed",
		"conflict",
		"blocked",
		"lease_lost",
		"idempotency_mismatch",
		"unavailable",
	],
});

export const heartbeatOperation = operation({
	operationId: "heartbeatClaim",
	tag,
	summary: "Renew a claim",
	description:
		"From now on by `lease_seconds`, or by what the claim was asked for. The task does not change.",
	body: ClaimHeartbeat,
	security,
	pathParameters,
	responses: { 200: { description: "The claim.", schema: Claim } },
	errors: [...guard, ...bodyErrors, "lease_lost", "unavailable"],
});

function endOperation(operationId: string, body: TSchema, summary: string, description: string) {
	return operation({
		operationId,
		tag,
		summary,
		description,
		body,
		security,
		pathParameters,
		responses: { 200: { description: "The task.", schema: Task, headers: ["ETag", "Cache-Control"] } },
		errors: [...guard, ...bodyErrors, "lease_lost", "unavailable"],
	});
}

export const releaseOperation = endOperation(
	"releaseClaim",
	ClaimRelease,
	"Give a task back",
	"`open`, or `waiting` for a person. Safe to repeat until the next claim.",
);
export const completeOperation = endOperation(
	"completeClaim",
	ClaimCompletion,
	"Say that a task is done",
	"Whatever blocks it. Safe to repeat until the next claim.",
);

export const resultOperation = operation({
	operationId: "getTaskResult",
	tag,
	summary: "Get the result of a task",
	description: "Of the last completion that had one.",
	security,
	anonymousToo: true,
	pathParameters,
	requestHeaders: ["If-None-Match"],
	responses: {
		200: { description: "The result.", schema: TaskResult, headers: ["ETag", "Cache-Control", "Vary"] },
		304: notModified,
	},
	errors: [...guard, "unavailable"],
});

export const listOperation = operation({
	operationId: "listClaims",
	tag,
	summary: "List the claims that last, a page at a time",
	description:
		"Oldest first. The fence is shown to the credential that took the claim, so an agent finds its own again.",
	query: ClaimQuery,
	security,
	anonymousToo: true,
	responses: {
		200: { description: "A page of claims.", schema: ClaimList, headers: ["Cache-Control", "Vary", "Link"] },
	},
	errors: [...guard, "validation_error", "unavailable"],
});
