import Type, { type Static } from "typebox";
import { pageParameters } from "../http/parameters.ts";
import { jobStates } from "./store.ts";

const example = {
	attempt: 1,
	created_at: "2026-11-23T08:15:00.000Z",
	id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
	kind: "email.send",
	lease: { expires_at: "2026-11-23T08:16:00.000Z", fence: 1, worker: "mailer-1" },
	max_attempts: 5,
	payload: { to: "ada@example.com" },
	priority: 0,
	queue: "default",
	run_at: "2026-11-23T08:15:00.000Z",
	state: "leased",
	updated_at: "2026-11-23T08:15:00.000Z",
};

const secondsOfYear = 31_536_000;

const Name = (description: string) =>
	Type.String({ minLength: 1, maxLength: 200, pattern: "\\S", description });
const Queue = Name("1 to 200 characters, not white space alone.");
const Json = (description: string) => Type.Unknown({ description });
const Fence = Type.Integer({
	minimum: 0,
	maximum: Number.MAX_SAFE_INTEGER,
	description: "`lease.fence` as the lease gave it.",
});
const LeaseSeconds = Type.Integer({ minimum: 1, maximum: 3600 });
const Time = Type.String({ format: "date-time" });
const State = Type.Enum([...jobStates], { $id: "JobState" });

const Lease = Type.Object(
	{
		expires_at: Time,
		fence: Type.Integer({ description: "Higher with every lease of the job." }),
		worker: Type.String(),
	},
	{ $id: "Lease", additionalProperties: false, description: "Only while leased." },
);

export const Job = Type.Object(
	{
		attempt: Type.Integer({ description: "Leases so far; a retry by hand starts again at 0." }),
		created_at: Time,
		error: Type.Optional(Type.String({ description: "Why the last attempt came to nothing." })),
		id: Type.String({ format: "uuid" }),
		kind: Type.String(),
		lease: Type.Optional(Lease),
		max_attempts: Type.Integer(),
		payload: Json("The JSON that was enqueued, in canonical form; `null` without any."),
		priority: Type.Integer(),
		progress: Type.Optional(Type.Number()),
		queue: Type.String(),
		result: Type.Optional(Json("The JSON that the worker completed with.")),
		run_at: Time,
		state: State,
		updated_at: Time,
	},
	{ $id: "Job", additionalProperties: false, examples: [example] },
);

export const JobList = Type.Object(
	{
		items: Type.Array(Job),
		kind: Type.Literal("jobs"),
		next_cursor: Type.Optional(Type.String({ description: "Present where there is more." })),
	},
	{ $id: "JobList", additionalProperties: false, examples: [{ items: [example], kind: "jobs" }] },
);

export const JobBatch = Type.Object(
	{ items: Type.Array(Job) },
	{ $id: "JobBatch", additionalProperties: false, examples: [{ items: [example] }] },
);

const QueueStats = Type.Object(
	{
		oldest_queued_seconds: Type.Union([Type.Number(), Type.Null()], {
			description: "For how long the oldest queued job has been due; null without one.",
		}),
		queue: Type.String(),
		states: Type.Object(Object.fromEntries(jobStates.map((state) => [state, Type.Integer({ minimum: 0 })])), {
			additionalProperties: false,
		}),
	},
	{ $id: "QueueStats", additionalProperties: false },
);

export const JobStats = Type.Object(
	{ items: Type.Array(QueueStats), kind: Type.Literal("job_stats") },
	{
		$id: "JobStats",
		additionalProperties: false,
		examples: [
			{
				items: [
					{
						oldest_queued_seconds: 1.5,
						queue: "default",
						states: { cancelled: 0, dead: 0, leased: 1, queued: 2, scheduled: 0, succeeded: 40 },
					},
				],
				kind: "job_stats",
			},
		],
	},
);

const newJobFields = {
	kind: Name("What is to be done, as the workers know it: 1 to 200 characters."),
	payload: Type.Optional(Json("Any JSON, up to 256 KiB in canonical form.")),
	queue: Type.Optional(Queue),
	priority: Type.Optional(
		Type.Integer({ minimum: -1_000_000, maximum: 1_000_000, default: 0, description: "Higher first." }),
	),
	run_at: Type.Optional(
		Type.String({
			format: "date-time",
			// Seconds of 60 are valid in RFC 3339, but a time in milliseconds cannot represent them.
			pattern: "^\\d{4}-\\d\\d-\\d\\d[Tt]\\d\\d:\\d\\d:[0-5]\\d(\\.\\d{1,9})?([Zz]|[+-]\\d\\d:\\d\\d)$",
			description: "Not before this time (RFC 3339); absent: now.",
		}),
	),
	max_attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 5 })),
	unique_key: Type.Optional(
		Name(
			"While a job with the same queue and key is unfinished, the response is that job. 1 to 200 characters.",
		),
	),
};

export const NewJob = Type.Object(newJobFields, {
	$id: "NewJob",
	additionalProperties: false,
	examples: [{ kind: example.kind, payload: example.payload }],
});
export type NewJob = Static<typeof NewJob>;

export const NewJobs = Type.Object(
	{ jobs: Type.Array(NewJob, { minItems: 1, maxItems: 1000 }) },
	{
		$id: "NewJobs",
		additionalProperties: false,
		examples: [{ jobs: [{ kind: example.kind, payload: example.payload }, { kind: example.kind }] }],
	},
);

export const LeaseRequest = Type.Object(
	{
		worker: Name("Who asks, for people to read: 1 to 200 characters."),
		queues: Type.Optional(Type.Array(Queue, { minItems: 1, maxItems: 20, default: ["default"] })),
		limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 1 })),
		lease_seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3600, default: 60 })),
		wait_seconds: Type.Optional(
			Type.Number({ minimum: 0, maximum: 30, default: 0, description: "How long to wait for work." }),
		),
	},
	{ $id: "LeaseRequest", additionalProperties: false, examples: [{ worker: "mailer-1", wait_seconds: 20 }] },
);

export const HeartbeatRequest = Type.Object(
	{
		fence: Fence,
		lease_seconds: Type.Optional(LeaseSeconds),
		progress: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
	},
	{ $id: "HeartbeatRequest", additionalProperties: false, examples: [{ fence: 1, progress: 40 }] },
);

export const CompleteRequest = Type.Object(
	{ fence: Fence, result: Type.Optional(Json("Any JSON, up to 256 KiB in canonical form.")) },
	{ $id: "CompleteRequest", additionalProperties: false, examples: [{ fence: 1, result: { sent: true } }] },
);

export const FailRequest = Type.Object(
	{
		fence: Fence,
		error: Type.String({ maxLength: 10_000 }),
		retry: Type.Optional(Type.Boolean({ default: true, description: "false: the job is dead." })),
		retry_in_seconds: Type.Optional(
			Type.Number({
				minimum: 0,
				maximum: secondsOfYear,
				description: "Absent: min(2^attempt, 3600) s, ±20 %.",
			}),
		),
	},
	{
		$id: "FailRequest",
		additionalProperties: false,
		examples: [{ fence: 1, error: "The mail server refused the message." }],
	},
);

export const JobQueryParameters = Type.Object(
	{
		queue: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
		state: Type.Optional(State),
		kind: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
		...pageParameters,
	},
	{ additionalProperties: false },
);
export type JobQueryParameters = Static<typeof JobQueryParameters>;
