import Type from "typebox";
import { operation } from "../http/operation.ts";

/** Prometheus' text format. */
export const metricsType = "text/plain; version=0.0.4; charset=utf-8";

export const metricsOperation = operation({
	operationId: "metrics",
	tag: { name: "Metrics", description: "What the service measures about itself." },
	summary: "Get the metrics of this process",
	description:
		"There only with `METRICS=on`, and then for API keys, and for access tokens with the scope `metrics` of an owner of `default`.",
	security: ["apiKey", "bearer"],
	responses: {
		200: {
			description: "All metrics of this process, in Prometheus' text format.",
			contentType: metricsType,
			schema: Type.String({ examples: ["orchestrator_database_up 1\n"] }),
			headers: ["Cache-Control", "Vary"],
		},
	},
	errors: ["unauthorized", "forbidden", "not_found"],
});
