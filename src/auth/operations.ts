import { operation } from "../http/operation.ts";
import { AccessToken, Credentials, Me, User, UserPatch } from "./schema.ts";

const tag = { name: "Login", description: "Access tokens for people, and whom they stand for." };

export const loginOperation = operation({
	operationId: "login",
	tag,
	summary: "Get an access token",
	description:
		"Checks e-mail and password. A wrong password and an unknown e-mail address give the same response. Logins have a second limit per address.",
	body: Credentials,
	responses: { 200: { description: "The token.", schema: AccessToken, headers: ["Cache-Control"] } },
	errors: [
		"bad_request",
		"invalid_credentials",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"unavailable",
	],
});

export const meOperation = operation({
	operationId: "me",
	tag,
	summary: "Get the user that the token stands for",
	description:
		"A way to find out whether a token is still good. With an access token the response says as well which one it is, and what it allows.",
	security: ["bearer", "apiKey"],
	responses: { 200: { description: "The user.", schema: Me, headers: ["Cache-Control", "Vary"] } },
	errors: ["unauthorized", "forbidden", "unavailable"],
});

export const updateMeOperation = operation({
	operationId: "updateMe",
	tag,
	summary: "Change the name of the user that the token stands for",
	description:
		"Wants no `If-Match`: the last change counts. A patch that names no field changes nothing. Names are for people: they need not be unique and give no right. Wants a JWT.",
	body: UserPatch,
	bodyTypes: ["application/json", "application/merge-patch+json"],
	security: "bearer",
	responses: {
		200: { description: "The user, as `GET` gives it with a JWT.", schema: User, headers: ["Cache-Control"] },
	},
	errors: [
		"bad_request",
		"unauthorized",
		"forbidden",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"unavailable",
	],
});
