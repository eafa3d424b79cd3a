import { operation } from "../http/operation.ts";
import { pathParameter } from "../http/parameters.ts";
import { tokensOfUserMax } from "./access-tokens.ts";
import { IssuedToken, NewToken, TokenList } from "./token-schema.ts";

const tag = { name: "Tokens", description: "Access tokens for agents and programs, each a user's own." };

export const addTokenOperation = operation({
	operationId: "addToken",
	tag,
	summary: "Make an access token",
	description: `The response alone shows the token. It ends with its user, or when it is removed or expires, and not with a new password. A user has at most ${tokensOfUserMax}, expired ones included. Wants a JWT: an access token makes no others.`,
	body: NewToken,
	security: "bearer",
	responses: {
		200: { description: "The token.", schema: IssuedToken, headers: ["Cache-Control"] },
	},
	errors: [
		"bad_request",
		"unauthorized",
		"forbidden",
		"conflict",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"unavailable",
	],
});

export const listTokensOperation = operation({
	operationId: "listTokens",
	tag,
	summary: "List the user's access tokens",
	description:
		"All of them, in the order in which they were made, without the tokens themselves. Expired ones are listed until they are removed. Wants a JWT.",
	security: "bearer",
	responses: {
		200: { description: "The tokens.", schema: TokenList, headers: ["Cache-Control", "Vary"] },
	},
	errors: ["unauthorized", "forbidden", "unavailable"],
});

export const removeTokenOperation = operation({
	operationId: "removeToken",
	tag,
	summary: "End an access token",
	description: "It ends at once, on every replica. Wants a JWT, and no `If-Match`.",
	pathParameters: [pathParameter("TokenId", "id", "The token's id.")],
	security: "bearer",
	responses: { 204: { description: "It has ended." } },
	errors: ["unauthorized", "forbidden", "not_found", "unavailable"],
});
