import Type, { type Static } from "typebox";
import { nameLengthMax, namePattern } from "../kernel/credentials.ts";
import { spaceNamePattern } from "../kernel/space.ts";
import { scopes } from "./store.ts";

/** The name of a user or a token. */
export const Name = Type.String({
	minLength: 1,
	maxLength: nameLengthMax,
	pattern: namePattern,
	description: "Without control characters.",
});

const Id = Type.String({ format: "uuid" });
const Time = Type.String({ format: "date-time" });
const Scope = Type.Enum([...scopes]);
const Nullable = <T extends Type.TSchema>(schema: T, description: string) =>
	Type.Union([schema, Type.Null()], { description });

const shown = {
	id: Id,
	name: Type.String(),
	scopes: Type.Array(Scope, { description: "Sorted. `tasks:write` has `tasks:read`." }),
	spaces: Nullable(
		Type.Array(Type.String()),
		"The names of its spaces, sorted; `null`: all of its user's. Those that were deleted since are left out.",
	),
};

/** The token that a request bears. */
export const CallingToken = Type.Object(shown, {
	additionalProperties: false,
	description: "The access token that the request bears; absent with a JWT.",
});

const token = {
	created_at: Time,
	expires_at: Nullable(Time, "`null`: never."),
	...shown,
	last_used_at: Nullable(Time, "`null`: not yet. Up to an hour late."),
};
const example = {
	created_at: "2026-11-23T08:15:00.000Z",
	expires_at: "2027-02-21T08:15:00.000Z",
	id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
	last_used_at: null,
	name: "Night shift",
	scopes: ["tasks:write"],
	spaces: ["default"],
};

export const Token = Type.Object(token, { $id: "Token", additionalProperties: false, examples: [example] });

export const IssuedToken = Type.Object(
	{
		...token,
		token: Type.String({ description: "For `Authorization: Bearer` or `X-API-Key`. Shown this once." }),
	},
	{
		$id: "IssuedToken",
		additionalProperties: false,
		examples: [{ ...example, token: "orc_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg" }],
	},
);

export const TokenList = Type.Object(
	{ items: Type.Array(Token), kind: Type.Literal("tokens") },
	{ $id: "TokenList", additionalProperties: false, examples: [{ items: [example], kind: "tokens" }] },
);

export const NewToken = Type.Object(
	{
		name: Name,
		scopes: Type.Array(Scope, {
			minItems: 1,
			maxItems: 100,
			description: "What it allows, within the rights of its user. What is given twice is kept once.",
		}),
		spaces: Type.Optional(
			Type.Array(Type.String({ pattern: spaceNamePattern }), {
				minItems: 1,
				maxItems: 1000,
				description: "The names of the spaces that it reaches; absent: all of its user's, later ones too.",
			}),
		),
		expires_in_days: Type.Optional(
			Type.Integer({ minimum: 1, maximum: 365, description: "Absent: it does not expire." }),
		),
	},
	{
		$id: "NewToken",
		additionalProperties: false,
		examples: [{ name: example.name, scopes: example.scopes, spaces: example.spaces, expires_in_days: 90 }],
	},
);
export type NewToken = Static<typeof NewToken>;
