import { operation } from "../http/operation.ts";
import { AccessToken, Credentials, Me } from "./schema.ts";

const tag = "Login";

export const loginDoc = operation({
	operationId: "login",
	tag,
	summary: "Get an access token",
	body: Credentials,
	answers: { 200: { description: "The token.", schema: AccessToken, headers: ["Cache-Control"] } },
	errors: [
		"bad_request",
		"invalid_credentials",
		"payload_too_large",
		"unsupported_media_type",
		"validation_error",
		"unavailable",
	],
});

export const meDoc = operation({
	operationId: "me",
	tag,
	summary: "Who the token is of",
	security: "bearer",
	answers: { 200: { description: "The user.", schema: Me, headers: ["Cache-Control"] } },
	errors: ["unauthorized", "unavailable"],
});
