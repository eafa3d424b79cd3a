import { Elysia } from "elysia";
import { AppError } from "../kernel/errors.ts";
import type { Metrics } from "./metrics.ts";
import { metricsOperation, metricsType } from "./operations.ts";

export interface MetricsRouteDeps {
	/** Absent: they are off. */
	readonly metrics: Metrics | undefined;
	/** Throws `unauthorized` or `forbidden` unless the request may read them. */
	readonly requireMetrics: (request: Request) => Promise<unknown>;
}

export function metricsRoutes({ metrics, requireMetrics }: MetricsRouteDeps) {
	return new Elysia().get(
		"/metrics",
		async ({ request, set }) => {
			if (metrics === undefined)
				throw new AppError("not_found", "Metrics are off; METRICS=on turns them on.");
			await requireMetrics(request);
			set.headers["content-type"] = metricsType;
			return metrics.text();
		},
		{ detail: metricsOperation },
	);
}
