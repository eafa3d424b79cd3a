import Type from "typebox";
import { operation } from "../http/operation.ts";

const Health = Type.Object(
	{ status: Type.Literal("ok") },
	{ additionalProperties: false, examples: [{ status: "ok" }] },
);

export const healthDoc = operation({
	operationId: "health",
	tag: "Health",
	summary: "Whether the service and its database answer",
	unlimited: true,
	answers: { 200: { description: "Both do.", schema: Health, headers: ["Cache-Control"] } },
	errors: ["unavailable"],
});
