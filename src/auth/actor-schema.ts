import Type from "typebox";

const example = {
	id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77",
	kind: "token",
	name: "Night shift",
	removed: false,
	user: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e78",
};

export const Actor = Type.Object(
	{
		id: Type.String({ description: "A user's or a token's id, or the first 12 digits of a key's SHA-256." }),
		kind: Type.Enum(["user", "token", "key"]),
		name: Type.String({ description: "For people." }),
		removed: Type.Boolean({ description: "The user or the token is gone; the name is kept." }),
		user: Type.Optional(Type.String({ format: "uuid", description: "Of a token: whose it is." })),
	},
	{ $id: "Actor", additionalProperties: false, examples: [example] },
);

export const ActorList = Type.Object(
	{ items: Type.Array(Actor), kind: Type.Literal("actors") },
	{ $id: "ActorList", additionalProperties: false, examples: [{ items: [example], kind: "actors" }] },
);

export const ActorQuery = Type.Object(
	{
		actor: Type.Array(Type.String({ maxLength: 100 }), {
			minItems: 1,
			maxItems: 100,
			description: "As events have it: `user/<id>`, `token/<id>`, `key/<fingerprint>`. May be repeated.",
		}),
	},
	{ additionalProperties: false },
);
