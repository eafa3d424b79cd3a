import Type from "typebox";
import { CallingToken, Name } from "./token-schema.ts";

export const Credentials = Type.Object(
	{
		email: Type.String({ minLength: 3, maxLength: 254, pattern: "@" }),
		password: Type.String({ minLength: 1, maxLength: 1024 }),
	},
	{
		$id: "Credentials",
		additionalProperties: false,
		examples: [{ email: "ada@example.com", password: "correct horse battery" }],
	},
);

export const AccessToken = Type.Object(
	{
		access_token: Type.String({ description: "A JWT for `Authorization: Bearer`." }),
		expires_in: Type.Integer({ description: "Seconds until it expires." }),
		token_type: Type.Literal("bearer"),
	},
	{
		$id: "AccessToken",
		additionalProperties: false,
		examples: [{ access_token: "eyJhbGciOiJIUzI1NiJ9.e30.x", expires_in: 3600, token_type: "bearer" }],
	},
);

const user = {
	email: Type.String(),
	id: Type.String({ format: "uuid" }),
	name: Type.String({ description: "For people; by default what stands before the `@`." }),
};
const userExample = { email: "ada@example.com", id: "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77", name: "Ada" };

export const User = Type.Object(user, { $id: "User", additionalProperties: false, examples: [userExample] });

export const Me = Type.Object(
	{ ...user, token: Type.Optional(CallingToken) },
	{ $id: "Me", additionalProperties: false, examples: [userExample] },
);

/** A merge patch (RFC 7396). `null` is a fault: a name can be replaced and not removed. */
export const UserPatch = Type.Object(
	{ name: Type.Optional(Name) },
	{ $id: "UserPatch", additionalProperties: false, examples: [{ name: "Ada Lovelace" }] },
);
