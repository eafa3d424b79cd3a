import Type from "typebox";
import { pageParameters } from "../../http/parameters.ts";
import { exampleTask, HolderName, NoteText, Task } from "../schema.ts";

const exampleClaim = { expires_at: "2026-11-23T08:45:00.000Z", fence: 42, holder: "agent-1" };
const exampleListed = {
	actor: "token/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e",
	claimed_at: "2026-11-23T08:15:00.000Z",
	expires_at: "2026-11-23T08:45:00.000Z",
	holder: "agent-1",
	task: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
};

const Time = Type.String({ format: "date-time" });
const LeaseSeconds = Type.Integer({ minimum: 1, maximum: 86_400 });
const ClaimLeaseSeconds = Type.Optional(
	Type.Integer({
		minimum: 1,
		maximum: 86_400,
		default: 1800,
		description: "How long the claim lasts unless it is renewed.",
	}),
);
const Fence = Type.Integer({
	minimum: 1,
	maximum: Number.MAX_SAFE_INTEGER,
	description: "`claim.fence` as the claim gave it.",
});
const Note = Type.Optional(NoteText);
const Holder = Type.Optional(HolderName);

export const Claim = Type.Object(
	{
		expires_at: Time,
		fence: Type.Integer({ minimum: 1, description: "Higher with every claim of the task." }),
		holder: Type.String(),
	},
	{ $id: "Claim", additionalProperties: false, examples: [exampleClaim] },
);

export const ClaimedTask = Type.Object(
	{ claim: Claim, task: Task },
	{
		$id: "ClaimedTask",
		additionalProperties: false,
		examples: [{ claim: exampleClaim, task: exampleTask }],
	},
);

const ListedClaim = Type.Object(
	{
		actor: Type.String({ description: "Who took it." }),
		claimed_at: Time,
		expires_at: Time,
		fence: Type.Optional(Type.Integer({ minimum: 1, description: "Only for the credential that took it." })),
		holder: Type.String(),
		task: Type.String({ format: "uuid" }),
	},
	{ $id: "ListedClaim", additionalProperties: false },
);

export const ClaimList = Type.Object(
	{
		items: Type.Array(ListedClaim),
		kind: Type.Literal("claims"),
		next_cursor: Type.Optional(Type.String({ description: "Present where there is more." })),
		now: Type.String({ format: "date-time", description: "The database's clock, by which claims run out." }),
	},
	{
		$id: "ClaimList",
		additionalProperties: false,
		examples: [{ items: [exampleListed], kind: "claims", now: "2026-11-23T08:20:00.000Z" }],
	},
);

export const ClaimNextRequest = Type.Object(
	{
		holder: Holder,
		label: Type.Optional(
			Type.String({ minLength: 1, maxLength: 50, description: "Only tasks that have this label." }),
		),
		lease_seconds: ClaimLeaseSeconds,
		wait_seconds: Type.Optional(
			Type.Number({ minimum: 0, maximum: 30, default: 0, description: "How long to wait for a task." }),
		),
	},
	{
		$id: "ClaimNextRequest",
		additionalProperties: false,
		examples: [{ label: "purchasing", wait_seconds: 20 }],
	},
);

export const ClaimTaskRequest = Type.Object(
	{ holder: Holder, lease_seconds: ClaimLeaseSeconds },
	{ $id: "ClaimTaskRequest", additionalProperties: false, examples: [{ holder: "agent-1" }] },
);

export const ClaimHeartbeat = Type.Object(
	{ fence: Fence, lease_seconds: Type.Optional(LeaseSeconds) },
	{ $id: "ClaimHeartbeat", additionalProperties: false, examples: [{ fence: 42 }] },
);

export const ClaimRelease = Type.Object(
	{
		fence: Fence,
		note: Note,
		status: Type.Optional(
			Type.Enum(["open", "waiting"], { default: "open", description: "`waiting`: for a person." }),
		),
	},
	{
		$id: "ClaimRelease",
		additionalProperties: false,
		examples: [{ fence: 42, note: "Which of the two addresses?", status: "waiting" }],
	},
);

export const ClaimCompletion = Type.Object(
	{
		fence: Fence,
		note: Note,
		result: Type.Optional(Type.Unknown({ description: "Any JSON, up to 64 KiB in canonical form." })),
	},
	{
		$id: "ClaimCompletion",
		additionalProperties: false,
		examples: [{ fence: 42, result: { chosen: "ACME" } }],
	},
);

export const TaskResult = Type.Unknown({
	description: "The JSON that the task was completed with, in canonical form.",
	examples: [{ chosen: "ACME" }],
});

export const ClaimQuery = Type.Object(
	{
		...pageParameters,
		holder: Type.Optional(Type.String({ description: "Only claims of this holder." })),
		mine: Type.Optional(
			Type.Enum(["true"], { description: "Only claims that this credential took. Wants a credential." }),
		),
		task: Type.Optional(Type.String({ description: "Only the claim of this task." })),
	},
	{ additionalProperties: false },
);
