import { operation } from "../http/operation.ts";
import { pathParameter } from "../http/parameters.ts";
import { Actor, ActorList, ActorQuery } from "./actor-schema.ts";

const tag = { name: "Actors", description: "The names of those whom events name." };
const headers = ["Cache-Control", "Vary"] as const;

export const getActorOperation = operation({
	operationId: "getActor",
	tag,
	summary: "Get the name of an actor",
	description:
		"A user, an access token or an API key. The names of users and tokens that were removed are kept; of API keys only those of today are known. The actor `system` has no id.",
	pathParameters: [
		pathParameter("ActorKind", "kind", "`user`, `token` or `key`."),
		pathParameter("ActorId", "id", "What stands behind the `/` in the event's `actor`."),
	],
	security: ["bearer", "apiKey"],
	responses: { 200: { description: "The actor.", schema: Actor, headers } },
	errors: ["unauthorized", "forbidden", "not_found", "unavailable"],
});

export const listActorsOperation = operation({
	operationId: "listActors",
	tag,
	summary: "Get the names of up to 100 actors",
	description:
		"Each once, in the order that was asked. What names nobody that is or was there is left out, whatever its form.",
	query: ActorQuery,
	security: ["bearer", "apiKey"],
	responses: { 200: { description: "The actors.", schema: ActorList, headers } },
	errors: ["unauthorized", "forbidden", "validation_error", "unavailable"],
});
