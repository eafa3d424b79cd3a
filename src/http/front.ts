import { cors } from "@elysiajs/cors";
import { type AnyElysia, Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import { lazily } from "../lazily.ts";
import { type Log, loggable } from "../log.ts";
import { readJson } from "./body.ts";
import { callOf } from "./call.ts";
import { baseHeaders, defect, errorBody, errorHeaders, statusOf } from "./envelope.ts";

export interface FrontDeps {
	readonly log: Log;
	readonly bodyBytesMax: number;
	/** Refuses what may not go on to a route (limits, shutdown); gathers the headers that every answer gets. */
	readonly admit: (
		request: Request,
		path: string,
		headers: Record<string, string | number>,
	) => void | Promise<void>;
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
export function twoDoors(
	deps: FrontDeps,
	origins: readonly string[],
	lean: AnyElysia,
	whole: () => AnyElysia,
): (request: Request) => Response | Promise<Response> {
	const forPrograms = front(deps, new Elysia()).use(lean);
	const forPages = lazily(() => front(deps, new Elysia().use(crossOrigin(origins))).use(whole()));
	return (request) => (needsWhole(request) ? forPages() : forPrograms).fetch(request);
}

function needsWhole(request: Request): boolean {
	return request.headers.has("origin") || request.method === "OPTIONS" || request.url.includes("/auth/login");
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

/** What every route shares: headers, admission, the reading of bodies, the form of errors. */
export function front({ log, bodyBytesMax, admit, allowedMethods }: FrontDeps, policy = new Elysia()) {
	// Otherwise the path is looked for from the fifth character of the host on: `Host: app` would be misrouted.
	return new Elysia({ handler: { standardHostname: false } })
		.onRequest(({ request, set }) => {
			Object.assign(set.headers, baseHeaders);
			set.headers["x-request-id"] = callOf(request).requestId;
		})
		.use(policy)
		.onRequest((context) => {
			// Elysia has split the path off already; its types do not say so.
			const { request, set, path } = context as typeof context & { readonly path: string };
			return admit(request, path, set.headers as Record<string, string | number>);
		})
		.onParse(({ request }) => readJson(request, bodyBytesMax))
		.onError(({ request, error, code, set, path }) => {
			const refusal = code === "NOT_FOUND" ? noRoute(allowedMethods(path)) : asRefusal(error);
			const { requestId } = callOf(request);
			if (statusOf[refusal.code] >= 500) {
				log.error({ request_id: requestId, err: loggable(refusal.facts.cause ?? error) }, refusal.message);
			}
			const headers = new Headers({ ...(set.headers as Record<string, string>), ...errorHeaders(refusal) });
			return new Response(errorBody(refusal, requestId), { status: statusOf[refusal.code], headers });
		});
}

function asRefusal(error: unknown): Refusal {
	return error instanceof Refusal ? error : defect;
}

function noRoute(allowed: readonly string[]): Refusal {
	if (allowed.length === 0) return new Refusal("not_found", "There is nothing at this path.");
	const allow = allowed.join(", ");
	return new Refusal("method_not_allowed", `This path knows ${allow}.`, { allow });
}
