import { Elysia } from "elysia";
import { AppError } from "../kernel/errors.ts";
import { withTimeout } from "../kernel/timeout.ts";
import { healthOperation } from "./operations.ts";

const pingMsMax = 2000;

export interface HealthRouteDeps {
	/** Resolves when the database has replied. */
	readonly ping: () => Promise<void>;
	/** Whether the start is over: until then no traffic may be sent here. */
	readonly isReady: () => boolean;
}

export function healthRoutes({ ping, isReady }: HealthRouteDeps) {
	return new Elysia().get(
		"/healthz",
		async ({ set }) => {
			if (!isReady()) throw unavailable("The server is still starting.", 1);
			await withinTimeout(ping());
			set.headers["cache-control"] = "no-store";
			return '{"status":"ok"}';
		},
		{ detail: healthOperation },
	);
}

/** Throws `unavailable` unless the database replies within two seconds. */
async function withinTimeout(pong: Promise<void>): Promise<void> {
	try {
		await withTimeout(pingMsMax, pong);
	} catch (error) {
		// An `unavailable` without a cause is in the log already.
		const isLogged = error instanceof AppError && error.details.cause === undefined;
		throw unavailable("The database does not answer.", 2, isLogged ? undefined : error);
	}
}

function unavailable(message: string, retryAfterSeconds: number, cause?: unknown): AppError {
	return new AppError("unavailable", message, { retryAfterSeconds, cause });
}
