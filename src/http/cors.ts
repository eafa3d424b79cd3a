import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";
import type { Log } from "../kernel/log.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import { errorResponse } from "./error-response.ts";
import { contextOf } from "./request-context.ts";

const exposedHeaders = [
	"ETag",
	"Link",
	"Location",
	"Retry-After",
	"X-Request-Id",
	"X-Event-Id",
	"RateLimit",
	"RateLimit-Policy",
	"Idempotency-Replayed",
];
const allowedHeaders = [
	"Authorization",
	"Content-Type",
	"Idempotency-Key",
	"If-Match",
	"If-None-Match",
	"Last-Event-ID",
	"X-API-Key",
	"X-Request-Id",
	"Claim-Fence",
	"MCP-Protocol-Version",
	"Mcp-Method",
	"Mcp-Name",
	"traceparent",
];

/** Handles a request that has a context. May throw, or reject, with an `AppError`. */
export type Handle = (request: Request) => MaybePromise<Response>;

/** Responds to preflights; for any other request, adds the headers of CORS to its response, also to an error. */
export function corsMiddleware(origins: readonly string[], next: Handle, log: Log): Handle {
	const app = new Elysia({ handler: { standardHostname: false } })
		.onRequest(({ request, set }) => {
			// What the plugin adds belongs to the headers that every response to this request will bear.
			set.headers = Object.assign(contextOf(request).headers, set.headers);
		})
		.use(plugin(origins))
		.onRequest(async ({ request, set }) => {
			// The response will have them: nothing is left for this app to add.
			set.headers = {};
			return await next(request);
		})
		.onError(({ request, error }) => errorResponse(error, contextOf(request), log));
	return (request) => app.fetch(request);
}

function plugin(origins: readonly string[]) {
	return cors({
		// Asked with a function: of a list the plugin also finds `constructor` and other names that every object has.
		origin: ({ headers }) => origins.includes(headers.get("origin") ?? ""),
		methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
		allowedHeaders,
		exposeHeaders: exposedHeaders,
		credentials: false,
		maxAge: 600,
	});
}
