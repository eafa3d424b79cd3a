import { operation } from "../http/operation.ts";
import { AccessToken, Credentials, User, UserPatch } from "./schema.ts";

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
	description: "A way to find out whether a token is still good.",
	security: "bearer",
	responses: { 200: { description: "The user.", schema: User, headers: ["Cache-Control", "Vary"] } },
	errors: ["unauthorized", "unavailable"],
});

export const updateMeOperation = operation({
	operationId: "updateMe",
	tag,
	summary: "Change the name of the user that the token stands for",
	description:
		"Wants no `If-Match`: the last change counts. A patch that names no field changes nothing. Names are for people: they need not be unique and give no right.",
	body: UserPatch,
	bodyTypes: ["application/json", "application/merge-patch+json"],
	security: "bearer",
	responses: {
		200: { description: "The user, as `GET` gives it.", schema: User, headers: ["Cache-Control"] },
	},
	errors: [
		"bad_request",
		"unauthorized",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"unavailable",
	],
});
