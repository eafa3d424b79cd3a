import Type, { type Static, type TSchema } from "typebox";
import { pageParameters } from "../http/parameters.ts";
import { namePattern } from "../kernel/credentials.ts";
import { taskSorts, taskStatuses } from "./store.ts";

export const exampleTask = {
	assignee: null,
	blocked_by: [],
	claimed_by: null,
	created_at: "2026-11-23T08:15:00.000Z",
	created_by: "user/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e",
	defer_until: null,
	description: "Compare the three offers and write down which one to take.",
	due_at: null,
	id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
	labels: ["purchasing"],
	metadata: {},
	note: null,
	number: 1,
	parent: null,
	priority: 0,
	rank: "019ab2f47c1e7a52m",
	status: "open",
	status_since: "2026-11-23T08:15:00.000Z",
	title: "Choose a courier",
	updated_at: "2026-11-23T08:15:00.000Z",
	version: 1,
};

function orNull<S extends TSchema>(schema: S, description: string) {
	return Type.Union([schema, Type.Null()], { description });
}

const Text = Type.String();
const Time = Type.String({ format: "date-time" });
const Id = Type.String({ format: "uuid" });
const Status = Type.Enum([...taskStatuses], { $id: "TaskStatus" });

const Note = Type.Object(
	{
		by: Type.String({
			description: "The holder of the claim, else the name of the token or the user, as text.",
		}),
		text: Text,
	},
	{ additionalProperties: false },
);

export const Task = Type.Object(
	{
		assignee: orNull(Text, "Who should do it."),
		blocked_by: Type.Array(Id, { description: "Tasks that come first, sorted. Some may be gone." }),
		claimed_by: orNull(Text, "Who does it now: the holder of the claim."),
		created_at: Time,
		created_by: orNull(Text, "An actor; null for tasks from before the server recorded it."),
		defer_until: orNull(Time, "It is not ready before."),
		description: Text,
		due_at: orNull(Time, "When it should be done. For people: it does nothing."),
		id: Id,
		labels: Type.Array(Text, { description: "Sorted by UTF-16 code unit." }),
		metadata: Type.Object({}, { additionalProperties: true, description: "What programs keep with it." }),
		note: orNull(Note, "Why it stands where it does."),
		number: Type.Integer({ minimum: 1, description: "What people call it by: unique in its space." }),
		parent: orNull(Id, "The task that it is a part of. May be gone."),
		priority: Type.Integer({ description: "Higher first." }),
		rank: Type.String({ description: "Its place among tasks of one priority, compared by code unit." }),
		status: Status,
		status_since: Time,
		title: Text,
		updated_at: Time,
		version: Type.Integer({ minimum: 1, description: "One higher with every change." }),
	},
	{ $id: "Task", additionalProperties: false, examples: [exampleTask] },
);

const { description: _, metadata: __, ...briefProperties } = Task.properties;
const { description: ___, metadata: ____, ...briefExample } = exampleTask;

export const BriefTask = Type.Object(
	{
		...briefProperties,
		etag: Type.String({ description: "The `ETag` of the whole task, to change it with." }),
	},
	{
		$id: "BriefTask",
		additionalProperties: false,
		examples: [{ ...briefExample, etag: `"${"0".repeat(64)}"` }],
		description: "A task without `description` and `metadata`, as `brief=true` lists it.",
	},
);

export const TaskList = Type.Object(
	{
		items: Type.Array(Type.Union([Task, BriefTask])),
		kind: Type.Literal("tasks"),
		next_cursor: Type.Optional(Type.String({ description: "Present where there is more." })),
	},
	{ $id: "TaskList", additionalProperties: false, examples: [{ items: [exampleTask], kind: "tasks" }] },
);

export const TaskStats = Type.Object(
	{
		items: Type.Array(
			Type.Object({ count: Type.Integer({ minimum: 0 }), status: Status }, { additionalProperties: false }),
			{ description: "One for each status, from `open` to `cancelled`." },
		),
		kind: Type.Literal("task_stats"),
	},
	{
		$id: "TaskStats",
		additionalProperties: false,
		examples: [{ items: taskStatuses.map((status) => ({ count: 0, status })), kind: "task_stats" }],
	},
);

const Title = Type.String({
	minLength: 1,
	maxLength: 200,
	pattern: "\\S",
	description: "What is to be done. Not white space alone.",
});

/** A field that need not be given, and that `null` resets to its default. */
function resettable<S extends TSchema>(schema: S, description: string) {
	return Type.Optional(Type.Union([schema, Type.Null()], { description }));
}

/** Whether there is such a task, only the rows can tell. */
const TaskId = Type.String({ maxLength: 36 });

/** Who should do a task, or does it. */
export const HolderName = Type.String({ minLength: 1, maxLength: 100, pattern: namePattern });
/** No line break. */
export const NoteText = Type.String({
	minLength: 1,
	maxLength: 300,
	pattern: "^[^\\n\\v\\f\\r\\u0085\\u2028\\u2029]+$",
});

const fields = {
	assignee: resettable(HolderName, "Who should do it: 1 to 100 characters, none a control character."),
	blocked_by: resettable(
		Type.Array(TaskId, { maxItems: 50 }),
		"Up to 50 tasks that come first. A new one must be there.",
	),
	defer_until: resettable(Time, "It is not ready before. A time that is not in the future is none."),
	description: resettable(Type.String({ maxLength: 20_000 }), "Up to 20,000 characters."),
	due_at: resettable(Time, "When it should be done."),
	labels: resettable(
		Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { maxItems: 20 }),
		"Up to 20, of 1 to 50 characters.",
	),
	metadata: resettable(
		Type.Object({}, { additionalProperties: true }),
		"A JSON object, 32 deep, 16 KiB in canonical form. A member that is null is left out; a PATCH merges (RFC 7396).",
	),
	note: resettable(
		NoteText,
		"Why it stands where it does: 1 to 300 characters, no line break. A change of status without one clears it.",
	),
	parent: resettable(TaskId, "The task that it is a part of. A new one must be there."),
	priority: resettable(Type.Integer({ minimum: -100, maximum: 100 }), "Higher first."),
	rank: resettable(
		Type.String({ maxLength: 100, pattern: "^[0-9A-Za-z]*[1-9A-Za-z]$" }),
		"Its place among tasks of one priority, lower first: 1 to 100 of `[0-9A-Za-z]`, not ending in `0`.",
	),
	status: resettable(Type.Enum([...taskStatuses]), "Of these, `done` and `cancelled` are finished."),
};

export const NewTask = Type.Object(
	{ title: Title, ...fields },
	{
		$id: "NewTask",
		additionalProperties: false,
		examples: [
			{ title: exampleTask.title, description: exampleTask.description, labels: exampleTask.labels },
		],
	},
);
export type NewTask = Static<typeof NewTask>;

/** A merge patch (RFC 7396): `null` resets a field to its default; a title has none. */
export const TaskPatch = Type.Object(
	{ title: Type.Optional(Title), ...fields },
	{ $id: "TaskPatch", additionalProperties: false, examples: [{ title: "Choose a courier by Friday" }] },
);
export type TaskPatch = Static<typeof TaskPatch>;

export const batchMax = 500;

export const NewTasks = Type.Object(
	{
		tasks: Type.Array(NewTask, {
			minItems: 1,
			maxItems: batchMax,
			description:
				'`blocked_by` and `parent` may name an earlier task of the batch by its place: `"#0"`, `"#1"`, …',
		}),
	},
	{
		$id: "NewTasks",
		additionalProperties: false,
		examples: [{ tasks: [{ title: "Choose a courier" }, { title: "Write to it", blocked_by: ["#0"] }] }],
	},
);
export type NewTasks = Static<typeof NewTasks>;

export const TaskBatch = Type.Object(
	{ items: Type.Array(Task), kind: Type.Literal("tasks") },
	{ $id: "TaskBatch", additionalProperties: false, examples: [{ items: [exampleTask], kind: "tasks" }] },
);

function orNone(description: string) {
	return Type.Optional(Type.String({ description: `${description} Empty: none.` }));
}
const True = Type.Enum(["true"]);

export const TaskQuery = Type.Object(
	{
		...pageParameters,
		status: Type.Optional(Type.Array(Status, { description: "Tasks with any of these." })),
		label: Type.Optional(
			Type.Array(Type.String({ minLength: 1 }), { description: "Tasks with all of these." }),
		),
		assignee: orNone("Tasks of this assignee."),
		claimed_by: orNone("Tasks that this holder has."),
		parent: orNone("Tasks that are parts of this one."),
		blocked_by: orNone("Tasks that name this one in `blocked_by`."),
		due_before: Type.Optional(
			Type.String({ format: "date-time", description: "Tasks due before this time." }),
		),
		number: Type.Optional(Type.Integer({ minimum: 1, description: "The task of this number." })),
		ready: Type.Optional({ ...True, description: "Tasks that can be claimed in their turn." }),
		q: Type.Optional(
			Type.String({
				maxLength: 200,
				description: "Up to 10 words, each of which begins a word of title or description.",
			}),
		),
		brief: Type.Optional({
			...True,
			description: "Leaves `description` and `metadata` out, and puts `etag` in.",
		}),
		sort: Type.Optional(
			Type.Enum([...taskSorts], {
				default: "created",
				description:
					"`priority`: most urgent first, then by rank, then oldest first. `updated`, `status_since`: by the latest change.",
			}),
		),
		order: Type.Optional(
			Type.Enum(["asc", "desc"], {
				default: "desc",
				description: "`desc`: newest, or most urgent, first; `asc`: the reverse of it.",
			}),
		),
	},
	{ additionalProperties: false },
);
export type TaskQuery = Static<typeof TaskQuery>;
