import Type, { type Static } from "typebox";
import { pageParameters } from "../http/parameters.ts";

const example = {
	description: "Compare the three offers and write down which one to take.",
	id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
	title: "Choose a courier",
	version: 1,
};

const Title = Type.String({
	minLength: 1,
	maxLength: 200,
	pattern: "\\S",
	description: "What is to be done. Not white space alone.",
});
const Description = Type.String({ maxLength: 20_000 });

export const Task = Type.Object(
	{
		description: Type.String(),
		id: Type.String({ format: "uuid" }),
		title: Type.String(),
		version: Type.Integer({ minimum: 1, description: "One higher with every change." }),
	},
	{ $id: "Task", additionalProperties: false, examples: [example] },
);

export const TaskList = Type.Object(
	{
		items: Type.Array(Task),
		kind: Type.Literal("tasks"),
		next_cursor: Type.Optional(Type.String({ description: "Present where there is more." })),
	},
	{ $id: "TaskList", additionalProperties: false, examples: [{ items: [example], kind: "tasks" }] },
);

export const NewTask = Type.Object(
	{ title: Title, description: Type.Optional(Description) },
	{
		$id: "NewTask",
		additionalProperties: false,
		examples: [{ title: example.title, description: example.description }],
	},
);
export type NewTask = Static<typeof NewTask>;

/** A merge patch (RFC 7396): `null` resets a field to its default; a title has none. */
export const TaskPatch = Type.Object(
	{ title: Type.Optional(Title), description: Type.Optional(Type.Union([Description, Type.Null()])) },
	{ $id: "TaskPatch", additionalProperties: false, examples: [{ title: "Choose a courier by Friday" }] },
);
export type TaskPatch = Static<typeof TaskPatch>;

export const TaskQuery = Type.Object(
	{
		...pageParameters,
		order: Type.Optional(Type.Enum(["asc", "desc"], { default: "desc", description: "desc: newest first." })),
	},
	{ additionalProperties: false },
);
export type TaskQuery = Static<typeof TaskQuery>;
