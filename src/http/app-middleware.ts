import { type AnyElysia, Elysia } from "elysia";
import { AppError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import { memoize } from "../kernel/memoize.ts";
import { corsMiddleware, type Handle } from "./cors.ts";
import { errorResponse } from "./error-response.ts";
import { contextOf, type RequestContext } from "./request-context.ts";

export interface AppMiddlewareDeps {
	readonly log: Log;
	/** Throws if the request may not reach a route: rate limit, shutdown. */
	readonly admit: (request: Request, context: RequestContext) => MaybePromise<void>;
	/** The methods that a path knows; empty for an unknown path. */
	readonly methodsOf: (path: string) => readonly string[];
	readonly corsOrigins: readonly string[];
}

/**
 * The routes behind the middleware that all of them share. CORS stands outside the app and is met by those requests
 * alone that it is for: inside, its plugin cost the others 7 % and more of their throughput (bench/README.md).
 */
export function withMiddleware(routes: AnyElysia, deps: AppMiddlewareDeps): Handle {
	const app = withErrors(routes, deps);
	const handle: Handle = (request) =>
		whenResolved(deps.admit(request, contextOf(request)), () => app.fetch(request));
	const handleCors = memoize(() => corsMiddleware(deps.corsOrigins, handle, deps.log));
	return (request) => (needsCors(request) ? handleCors()(request) : handle(request));
}

/** Logins bear the headers without an `Origin` too. */
function needsCors(request: Request): boolean {
	const { headers, method } = request;
	return headers.has("origin") || method === "OPTIONS" || contextOf(request).path.startsWith("/auth/login");
}

/** The routes with the headers gathered for a response, and with errors in the form that all have. */
function withErrors(routes: AnyElysia, { log, methodsOf }: AppMiddlewareDeps): AnyElysia {
	// Otherwise the path is looked for from the fifth character of the host on: `Host: app` would be misrouted.
	return new Elysia({ handler: { standardHostname: false } })
		.onRequest(({ request, set }) => {
			set.headers = contextOf(request).headers;
		})
		.onError(({ request, error, code }) => {
			const context = contextOf(request);
			const thrown = code === "NOT_FOUND" ? noRoute(methodsOf(context.path)) : error;
			return errorResponse(thrown, context, log);
		})
		.use(routes);
}

function noRoute(allowed: readonly string[]): AppError {
	if (allowed.length === 0) return new AppError("not_found", "There is nothing at this path.");
	const allow = allowed.join(", ");
	return new AppError("method_not_allowed", `This path knows ${allow}.`, { allow });
}
