import Type, { type Static } from "typebox";
import { pageParameters } from "../http/parameters.ts";
import { spaceNamePattern } from "../kernel/space.ts";
import { roles } from "./store.ts";

const example = {
	created_at: "2026-11-23T08:15:00.000Z",
	name: "acme",
	title: "The move to the new office",
	version: 1,
};

const member = {
	email: "ada@example.com",
	id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
	name: "Ada",
	role: "writer",
};

const Name = Type.String({
	pattern: spaceNamePattern,
	description: "What stands in the path of what is in it: 1 to 40 of `a`–`z`, `0`–`9` and `-`.",
});
const Title = Type.String({ maxLength: 200 });
const Role = Type.Enum([...roles], { $id: "Role", description: "Each has the rights of those before it." });

const members = {
	created_at: Type.String({ format: "date-time" }),
	name: Type.String(),
	title: Type.String(),
	version: Type.Integer({ minimum: 1, description: "One higher with every change." }),
};

export const Space = Type.Object(members, {
	$id: "Space",
	additionalProperties: false,
	examples: [example],
});

export const SpaceList = Type.Object(
	{
		items: Type.Array(
			Type.Object({ ...members, role: Role }, { $id: "ReachedSpace", additionalProperties: false }),
		),
		kind: Type.Literal("spaces"),
		next_cursor: Type.Optional(Type.String({ description: "Present where there is more." })),
	},
	{
		$id: "SpaceList",
		additionalProperties: false,
		examples: [{ items: [{ ...example, role: "owner" }], kind: "spaces" }],
	},
);

export const NewSpace = Type.Object(
	{ name: Name, title: Type.Optional(Type.Union([Title, Type.Null()])) },
	{ $id: "NewSpace", additionalProperties: false, examples: [{ name: example.name, title: example.title }] },
);

/** A merge patch (RFC 7396): `null` resets the title to its default. */
export const SpacePatch = Type.Object(
	{ title: Type.Optional(Type.Union([Title, Type.Null()])) },
	{ $id: "SpacePatch", additionalProperties: false, examples: [{ title: "The move" }] },
);

export const Member = Type.Object(
	{
		email: Type.Optional(Type.String({ description: "For owners alone." })),
		id: Type.String({ format: "uuid", description: "The user's id." }),
		name: Type.String(),
		role: Role,
	},
	{
		$id: "Member",
		additionalProperties: false,
		examples: [member],
	},
);

export const MemberList = Type.Object(
	{
		items: Type.Array(Member),
		kind: Type.Literal("members"),
		next_cursor: Type.Optional(Type.String({ description: "Present where there is more." })),
	},
	{ $id: "MemberList", additionalProperties: false, examples: [{ items: [member], kind: "members" }] },
);

export const NewMember = Type.Object(
	{ email: Type.String({ minLength: 3, maxLength: 254, pattern: "@" }), role: Role },
	{
		$id: "NewMember",
		additionalProperties: false,
		examples: [{ email: "ada@example.com", role: "writer" }],
	},
);

export const PageQuery = Type.Object(pageParameters, { additionalProperties: false });
export type PageQuery = Static<typeof PageQuery>;
