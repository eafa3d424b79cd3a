import type { TSchema } from "typebox";
import type { HeaderName } from "../http/described-headers.ts";
import { notModified, operation, type ResponseSpec } from "../http/operation.ts";
import { pathParameter } from "../http/parameters.ts";
import type { ErrorCode } from "../kernel/errors.ts";
import {
	CompleteRequest,
	FailRequest,
	HeartbeatRequest,
	Job,
	JobBatch,
	JobList,
	JobQueryParameters,
	JobStats,
	LeaseRequest,
	NewJob,
	NewJobs,
} from "./schema.ts";

const tag = {
	name: "Jobs",
	description:
		"Work for programs: enqueue it, lease it, say how it went. All of it wants an API key, an access token with the scope `jobs`, or the JWT of a writer.",
};
const security = ["apiKey", "bearer"] as const;
const guard = ["unauthorized", "forbidden", "not_found"] as const satisfies readonly ErrorCode[];
const bodyErrors = [
	"bad_request",
	"payload_too_large",
	"unsupported_media_type",
	"validation_error",
] as const satisfies readonly ErrorCode[];
const pathParameters = [pathParameter("JobId", "id", "The job's id.")];

function response(description: string, schema: TSchema, headers: readonly HeaderName[] = []): ResponseSpec {
	return { description, schema, headers };
}

/** The responses of every change of one job. */
const theJob = { ...response("The job.", Job), component: "Job" };

const made = ["ETag", "Cache-Control", "Location", "Idempotency-Replayed"] as const;

export const enqueueOperation = operation({
	operationId: "enqueueJob",
	tag,
	summary: "Enqueue a job",
	description:
		"Workers lease it once it is due. While a job with the same queue and `unique_key` is unfinished, the response is that job.",
	body: NewJob,
	security,
	requestHeaders: ["Idempotency-Key"],
	responses: {
		200: response("An unfinished job with the same queue and `unique_key` stands for it.", Job, made),
		202: response("The new job.", Job, made),
	},
	errors: [...guard, ...bodyErrors, "idempotency_mismatch", "unavailable"],
});

export const batchOperation = operation({
	operationId: "enqueueJobs",
	tag,
	summary: "Enqueue up to 1000 jobs, all or none",
	body: NewJobs,
	description:
		"The items stand in the order of the request; where a `unique_key` is taken, the unfinished job that has it. A repeat with the same `Idempotency-Key` gives the same jobs as they are now.",
	security,
	requestHeaders: ["Idempotency-Key"],
	responses: { 202: response("The jobs.", JobBatch, ["Idempotency-Replayed"]) },
	errors: [...guard, ...bodyErrors, "idempotency_mismatch", "unavailable"],
});

export const leaseOperation = operation({
	operationId: "leaseJobs",
	tag,
	summary: "Lease jobs to a worker",
	body: LeaseRequest,
	description:
		"The order is priority, then `run_at`, then id. With `wait_seconds` the response comes as soon as there is work.",
	security,
	responses: { 200: response("The leased jobs; none if there is no work.", JobList) },
	errors: [...guard, ...bodyErrors, "unavailable"],
});

function fencedOperation(operationId: string, body: TSchema, summary: string, description: string) {
	return operation({
		operationId,
		tag,
		summary,
		description,
		body,
		security,
		pathParameters,
		responses: { 200: theJob },
		errors: [...guard, ...bodyErrors, "lease_lost", "unavailable"],
	});
}

export const heartbeatOperation = fencedOperation(
	"heartbeatJob",
	HeartbeatRequest,
	"Extend a lease",
	"From now on by `lease_seconds`, or by what the lease was asked for.",
);
export const completeOperation = fencedOperation(
	"completeJob",
	CompleteRequest,
	"Say that a job is done",
	"Safe to repeat: once it has counted, a repeat gets the same response.",
);
export const failOperation = fencedOperation(
	"failJob",
	FailRequest,
	"Say that an attempt came to nothing",
	"The job waits for its next attempt, or is dead after the last one. Safe to repeat until it is leased again.",
);

function changeOperation(operationId: string, summary: string, description: string) {
	return operation({
		operationId,
		tag,
		summary,
		description,
		security,
		pathParameters,
		responses: { 200: theJob },
		errors: [...guard, "conflict", "unavailable"],
	});
}

export const cancelOperation = changeOperation(
	"cancelJob",
	"Cancel a job that has not ended",
	"Of a leased job too: its fence is lost.",
);
export const retryOperation = changeOperation(
	"retryJob",
	"Take a dead or cancelled job up again",
	"`attempt` starts at 0 again; the fence goes on.",
);

export const getOperation = operation({
	operationId: "getJob",
	tag,
	summary: "Get one job",
	description: "Its state, its lease while it has one, and what came of it.",
	security,
	pathParameters,
	requestHeaders: ["If-None-Match"],
	responses: {
		200: response("The job.", Job, ["ETag", "Cache-Control", "Vary"]),
		304: notModified,
	},
	errors: [...guard, "unavailable"],
});

export const listOperation = operation({
	operationId: "listJobs",
	tag,
	summary: "List jobs, newest first, a page at a time",
	description: "`queue`, `state` and `kind` each narrow the list.",
	query: JobQueryParameters,
	security,
	responses: { 200: response("A page of jobs.", JobList, ["Cache-Control", "Vary", "Link"]) },
	errors: [...guard, "validation_error", "unavailable"],
});

export const statsOperation = operation({
	operationId: "jobStats",
	tag,
	summary: "Count each queue's jobs by state",
	description: "With the age of the oldest job that is due, to see whether the workers keep up.",
	security,
	responses: { 200: response("The queues that have jobs, by name.", JobStats, ["Cache-Control", "Vary"]) },
	errors: [...guard, "unavailable"],
});
