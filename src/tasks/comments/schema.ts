import Type, { type Static } from "typebox";
import { pageParameters } from "../../http/parameters.ts";

const example = {
	body: "The second offer is the only one with insurance.",
	created_at: "2026-11-23T08:15:00.000Z",
	created_by: "token/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e",
	id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e78",
	task: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
};

export const Comment = Type.Object(
	{
		body: Type.String(),
		created_at: Type.String({ format: "date-time" }),
		created_by: Type.String({
			description: "Who wrote it, as the `actor` of events: `user/` or `token/`, and the id.",
			pattern: "^(user|token)/",
		}),
		id: Type.String({ format: "uuid" }),
		task: Type.String({ format: "uuid", description: "The task that it belongs to." }),
	},
	{ $id: "Comment", additionalProperties: false, examples: [example] },
);

export const CommentList = Type.Object(
	{
		items: Type.Array(Comment),
		kind: Type.Literal("comments"),
		next_cursor: Type.Optional(Type.String({ description: "Present where there is more." })),
	},
	{ $id: "CommentList", additionalProperties: false, examples: [{ items: [example], kind: "comments" }] },
);

export const NewComment = Type.Object(
	{
		body: Type.String({
			minLength: 1,
			maxLength: 20_000,
			pattern: "\\S",
			description: "1 to 20,000 characters. Not white space alone.",
		}),
	},
	{ $id: "NewComment", additionalProperties: false, examples: [{ body: example.body }] },
);
export type NewComment = Static<typeof NewComment>;

export const CommentQuery = Type.Object(pageParameters, { additionalProperties: false });
