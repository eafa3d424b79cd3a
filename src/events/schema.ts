import Type from "typebox";
import { componentKey } from "../http/component.ts";
import { pageParameters } from "../http/parameters.ts";
import { eventTypes } from "../kernel/event-draft.ts";

const example = {
	actor: "user/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e",
	data: {
		description: "Compare the three offers and write down which one to take.",
		id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
		title: "Choose a courier",
		version: 1,
	},
	datacontenttype: "application/json",
	id: "42",
	requestid: "7f9c24e5-2f0e-4f43-8a0e-3d0a4b7f8f11",
	source: "/orchestrator",
	specversion: "1.0",
	subject: "/collab/tasks/019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
	time: "2026-11-23T08:15:00.000Z",
	type: "task.created",
};

const EventType = Type.Enum([...eventTypes], { $id: "EventType" });

/** A CloudEvents 1.0 object. `data` depends on `type`: it is another module's representation, and types may be added. */
const Event = Type.Object(
	{
		actor: Type.Optional(
			Type.String({
				description:
					"Who made the change: `user/` and the user's id, `token/` and the token's id, `key/` and the first 12 hex digits of the API key's SHA-256, or `system`, for what time does. Absent in events from before the server recorded it.",
				pattern: "^(user|token|key)/|^system$",
			}),
		),
		data: Type.Object(
			{},
			{
				additionalProperties: true,
				description: "The resource after the change; of a deletion, its last state.",
			},
		),
		datacontenttype: Type.Literal("application/json"),
		expiresat: Type.Optional(
			Type.String({
				format: "date-time",
				description: "Of `task.claimed`: when the claim runs out unless it is renewed.",
			}),
		),
		id: Type.String({ description: "The event's number, as text." }),
		ready: Type.Optional(
			Type.Boolean({
				description:
					"Of an event whose data is a task: whether the task is ready after it. Absent in events from before the server recorded it.",
			}),
		),
		reason: Type.Optional(
			Type.Enum(["released", "expired"], {
				description: "Of `task.released`: whether the holder gave the task back, or the claim ran out.",
			}),
		),
		requestid: Type.String({ description: "The request that made the change." }),
		source: Type.String({
			description: "`/orchestrator`, or of another space than `default` `/orchestrator/spaces/{space}`.",
			pattern: "^/orchestrator(/spaces/[a-z0-9-]+)?$",
		}),
		specversion: Type.Literal("1.0"),
		subject: Type.String({ description: "The path of the resource." }),
		time: Type.String({ format: "date-time" }),
		type: EventType,
	},
	{ $id: "Event", additionalProperties: false, examples: [example] },
);

export const EventList = Type.Object(
	{
		items: Type.Array(Event),
		kind: Type.Literal("events"),
		next_after: Type.Integer({
			description:
				"The last number looked at: ask for what comes after it. Where it moves on, there may be more.",
		}),
	},
	{
		$id: "EventList",
		additionalProperties: false,
		examples: [{ items: [example], kind: "events", next_after: 42 }],
	},
);

const types = Type.Optional(
	Type.String({
		maxLength: 500,
		description:
			"Only these, such as `task.*,job.dead`. Narrows what the caller may see, and never widens it.",
		[componentKey]: "parameters/types",
	}),
);

export const EventQuery = Type.Object(
	{
		after: Type.Optional(
			Type.Integer({
				minimum: 0,
				default: 0,
				description: "The last number already seen; 0: from the oldest kept.",
			}),
		),
		limit: pageParameters.limit,
		task: Type.Optional(
			Type.String({
				description:
					"The id of a task: its events alone and those of its comments, also after its deletion. For any other text there are none.",
			}),
		),
		types,
	},
	{ additionalProperties: false },
);

export const TailQuery = Type.Object(
	{
		last_event_id: Type.Optional(
			Type.String({
				maxLength: 200,
				description:
					"The last number already seen; 0: from the oldest kept; absent or empty: from now on. The header Last-Event-ID wins.",
			}),
		),
		types,
	},
	{ additionalProperties: false },
);
