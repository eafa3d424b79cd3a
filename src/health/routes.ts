import { Elysia } from "elysia";
import { AppError } from "../errors.ts";
import { withTimeout } from "../timeout.ts";
import { healthDoc } from "./operations.ts";

const answerWithinMs = 2000;

export interface HealthRouteDeps {
	/** Resolves when the database has answered. */
	readonly ping: () => Promise<void>;
}

export function healthRoutes({ ping }: HealthRouteDeps) {
	return new Elysia().get(
		"/healthz",
		async ({ set }) => {
			await inTime(ping());
			set.headers["cache-control"] = "no-store";
			return '{"status":"ok"}';
		},
		{ detail: healthDoc },
	);
}

/** Passes when the database answers within two seconds; else refuses with `unavailable`. */
async function inTime(answer: Promise<void>): Promise<void> {
	try {
		await withTimeout(answerWithinMs, answer);
	} catch (cause) {
		throw new AppError("unavailable", "The database does not answer.", { cause, retryAfterSeconds: 2 });
	}
}
