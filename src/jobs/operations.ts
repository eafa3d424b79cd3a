import type { TSchema } from "typebox";
import type { ErrorCode } from "../errors.ts";
import { type HeaderName, operation } from "../http/operation.ts";
import {
	CompleteRequest,
	FailRequest,
	HeartbeatRequest,
	Job,
	JobBatchList,
	JobList,
	JobQueryParameters,
	JobStats,
	LeaseRequest,
	NewJob,
	NewJobs,
} from "./schema.ts";

const tag = "Jobs";
const security = "apiKey";
const guard = ["unauthorized", "forbidden"] as const satisfies readonly ErrorCode[];
const bodyErrors = [
	"bad_request",
	"payload_too_large",
	"unsupported_media_type",
	"validation_error",
] as const satisfies readonly ErrorCode[];
const pathParameters = { id: "The job's id." };
const idempotencyKey = {
	"Idempotency-Key": { description: "1–255 visible ASCII characters; a repeat replays the first answer." },
};

function answer(description: string, schema: TSchema, headers: readonly HeaderName[] = []) {
	return { description, schema, headers };
}

const made = ["ETag", "Location", "Idempotency-Replayed"] as const;

export const enqueueDoc = operation({
	operationId: "enqueueJob",
	tag,
	summary: "Enqueue a job",
	body: NewJob,
	security,
	requestHeaders: idempotencyKey,
	answers: {
		200: answer("An unfinished job with the same queue and `unique_key` stands for it.", Job, made),
		202: answer("The new job.", Job, made),
	},
	errors: [...guard, ...bodyErrors, "idempotency_mismatch", "unavailable"],
});

export const batchDoc = operation({
	operationId: "enqueueJobs",
	tag,
	summary: "Enqueue up to 1000 jobs, all or none",
	body: NewJobs,
	description:
		"The items stand in the order of the request; where a `unique_key` is taken, the unfinished job that has it.",
	security,
	answers: { 202: answer("The jobs.", JobBatchList) },
	errors: [...guard, ...bodyErrors, "unavailable"],
});

export const leaseDoc = operation({
	operationId: "leaseJobs",
	tag,
	summary: "Lease jobs to a worker",
	body: LeaseRequest,
	description:
		"The order is priority, then `run_at`, then id. With `wait_seconds` the answer comes as soon as there is work.",
	security,
	answers: { 200: answer("The leased jobs; none if there is no work.", JobList) },
	errors: [...guard, ...bodyErrors, "unavailable"],
});

function fencedDoc(operationId: string, body: TSchema, summary: string, description: string) {
	return operation({
		operationId,
		tag,
		summary,
		description,
		body,
		security,
		pathParameters,
		answers: { 200: answer("The job.", Job) },
		errors: [...guard, ...bodyErrors, "not_found", "lease_lost", "unavailable"],
	});
}

export const heartbeatDoc = fencedDoc(
	"heartbeatJob",
	HeartbeatRequest,
	"Extend a lease",
	"From now on by `lease_seconds`, or by what the lease was asked for.",
);
export const completeDoc = fencedDoc(
	"completeJob",
	CompleteRequest,
	"Say that a job is done",
	"Safe to repeat: once it has counted, it is answered alike.",
);
export const failDoc = fencedDoc(
	"failJob",
	FailRequest,
	"Say that an attempt came to nothing",
	"The job waits for its next attempt, or is dead after the last one. Safe to repeat until it is leased again.",
);

function changeDoc(operationId: string, summary: string, description: string) {
	return operation({
		operationId,
		tag,
		summary,
		description,
		security,
		pathParameters,
		answers: { 200: answer("The job.", Job) },
		errors: [...guard, "not_found", "conflict", "unavailable"],
	});
}

export const cancelDoc = changeDoc(
	"cancelJob",
	"Cancel a job that has not ended",
	"Of a leased job too: its fence is lost.",
);
export const retryDoc = changeDoc(
	"retryJob",
	"Take a dead or cancelled job up again",
	"`attempt` starts at 0 again; the fence goes on.",
);

const ifNoneMatch = { description: "ETags that the client has; one that is current gives 304." };

export const getDoc = operation({
	operationId: "getJob",
	tag,
	summary: "Get one job",
	security,
	pathParameters,
	requestHeaders: { "If-None-Match": ifNoneMatch },
	answers: {
		200: answer("The job.", Job, ["ETag", "Cache-Control", "Vary"]),
		304: {
			description: "The client has the current version.",
			headers: ["ETag", "Cache-Control", "Vary"],
		},
	},
	errors: [...guard, "not_found", "unavailable"],
});

export const listDoc = operation({
	operationId: "listJobs",
	tag,
	summary: "List jobs, newest first, a page at a time",
	query: JobQueryParameters,
	security,
	answers: { 200: answer("A page of jobs.", JobList, ["Cache-Control", "Link"]) },
	errors: [...guard, "validation_error", "unavailable"],
});

export const statsDoc = operation({
	operationId: "jobStats",
	tag,
	summary: "Count each queue's jobs by state",
	security,
	answers: { 200: answer("The queues that have jobs, by name.", JobStats, ["Cache-Control"]) },
	errors: [...guard, "unavailable"],
});
