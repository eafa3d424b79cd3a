import Type from "typebox";
import { operation } from "../http/operation.ts";

const Health = Type.Object(
	{ status: Type.Literal("ok") },
	{ $id: "Health", additionalProperties: false, examples: [{ status: "ok" }] },
);

export const healthOperation = operation({
	operationId: "health",
	tag: { name: "Health", description: "Whether the service works." },
	summary: "Check the service and its database",
	description: "Asks the database, for two seconds at most. No rate limit, no credential.",
	unlimited: true,
	responses: { 200: { description: "Both work.", schema: Health, headers: ["Cache-Control"] } },
	// Nothing that a GET sends is refused; the one thing to get wrong is the method.
	errors: ["method_not_allowed", "unavailable"],
});
