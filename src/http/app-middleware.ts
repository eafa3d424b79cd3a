import { cors } from "@elysiajs/cors";
import { type AnyElysia, Elysia } from "elysia";
import { AppError } from "../errors.ts";
import type { Log } from "../log.ts";
import { whenResolved } from "../maybe-promise.ts";
import { memoize } from "../memoize.ts";
import { errorResponse } from "./error-response.ts";
import { contextOf, type RequestContext } from "./request-context.ts";

export interface AppMiddlewareDeps {
	readonly log: Log;
	/** Refuses what may not go on to a route: limits, shutdown. */
	readonly admit: (request: Request, call: RequestContext) => void | Promise<void>;
	/** The methods that a path knows; empty for an unknown path. */
	readonly allowedMethods: (path: string) => readonly string[];
}

const exposed = [
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
const accepted = [
	"Authorization",
	"Content-Type",
	"Idempotency-Key",
	"If-Match",
	"If-None-Match",
	"Last-Event-ID",
	"X-API-Key",
	"X-Request-Id",
];

/**
 * Answers with the lean routes where they will do, else with the whole. Elysia prepares for every route what any hook
 * of its app looks at: the login limit's plugin wants cookies, parsed headers and query of them all, and the CORS plugin
 * adds four headers to each answer. So programs, which send no `Origin`, meet an app without those two.
 */
export function chooseApp(
	deps: AppMiddlewareDeps,
	origins: readonly string[],
	lean: AnyElysia,
	whole: () => AnyElysia,
): (request: Request) => Response | Promise<Response> {
	const { admit } = deps;
	const forPrograms = appMiddleware(deps).use(lean);
	const forPages = memoize(() => {
		// Inside the app, so that refusals bear the headers of CORS too.
		const admission = new Elysia().onRequest(({ request }) => admit(request, contextOf(request)));
		return appMiddleware(deps, crossOrigin(origins).use(admission)).use(whole());
	});
	return (request) => {
		const call = contextOf(request);
		if (needsWhole(request, call.path)) return forPages().fetch(request);
		return whenResolved(admit(request, call), () => forPrograms.fetch(request));
	};
}

function needsWhole({ headers, method }: Request, path: string): boolean {
	return headers.has("origin") || method === "OPTIONS" || path.startsWith("/auth/login");
}

/** CORS for pages of these origins. Goes before the front, so that errors bear its headers too. */
function crossOrigin(origins: readonly string[]) {
	return cors({
		// Asked with a function: of a list the plugin also finds `constructor` and other names that every object has.
		origin: ({ headers }) => origins.includes(headers.get("origin") ?? ""),
		methods: ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"],
		allowedHeaders: accepted,
		exposeHeaders: exposed,
		credentials: false,
		maxAge: 600,
	});
}

/** What every route shares: the headers that are gathered for its answer, the form of errors. */
function appMiddleware({ log, allowedMethods }: AppMiddlewareDeps, policy: AnyElysia = new Elysia()) {
	// Otherwise the path is looked for from the fifth character of the host on: `Host: app` would be misrouted.
	return new Elysia({ handler: { standardHostname: false } })
		.onRequest(({ request, set }) => {
			const { headers } = contextOf(request);
			// The CORS plugin has put some there already.
			for (const name in set.headers) headers[name] = String(set.headers[name]);
			set.headers = headers;
		})
		.use(policy)
		.onError(({ request, error, code }) => {
			const call = contextOf(request);
			return errorResponse(code === "NOT_FOUND" ? noRoute(allowedMethods(call.path)) : error, call, log);
		});
}

function noRoute(allowed: readonly string[]): AppError {
	if (allowed.length === 0) return new AppError("not_found", "There is nothing at this path.");
	const allow = allowed.join(", ");
	return new AppError("method_not_allowed", `This path knows ${allow}.`, { allow });
}
