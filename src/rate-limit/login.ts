import type { Elysia } from "elysia";
import { rateLimit } from "elysia-rate-limit";
import type { Rate } from "../config.ts";
import type { ReadBody } from "../http/body.ts";
import { contextOf } from "../http/request-context.ts";
import { sha256 } from "../kernel/canonical.ts";
import { normalizeEmail } from "../kernel/credentials.ts";
import type { Counter } from "./counter.ts";
import { addressKey, tooMany } from "./limiter.ts";

/** What the plugin responds with beyond the rate; a string, because with an `Error` it loses the reset time. */
const exceeded = "login rate exceeded";

/**
 * The second limit on logins: per e-mail address *and* client address, so that guessing is slow and yet nobody
 * can lock a user out from elsewhere. Failed logins count too.
 */
export function loginLimit(counter: Counter, rate: Rate | undefined): (routes: Elysia) => Elysia {
	if (rate === undefined) return (routes) => routes;
	const limit = rateLimit({
		max: rate.requestsMax,
		duration: rate.windowSeconds * 1000,
		scoping: "scoped",
		countFailedRequest: true,
		errorResponse: exceeded,
		injectServer: () => null,
		generator: (request, _server, { loginEmail }: { loginEmail: string }) =>
			`login:${addressKey(contextOf(request).address)}:${sha256(loginEmail)}`,
		context: pluginContext(counter, rate),
	});
	return (routes) => {
		routes
			.derive(({ body }) => ({ loginEmail: emailOf(body) }))
			.mapResponse(({ responseValue, set }) => {
				if (responseValue !== exceeded) return;
				const retryAfter = Number(set.headers["Retry-After"]);
				withoutPluginHeaders(set.headers);
				throw tooMany(retryAfter);
			});
		limit(routes);
		routes.onBeforeHandle(({ set }) => withoutPluginHeaders(set.headers));
		return routes;
	};
}

/** The plugin's own header names, from a draft that the contract's `RateLimit` has replaced. */
const pluginHeaders = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"];

function withoutPluginHeaders(headers: Record<string, unknown>): void {
	for (const name of pluginHeaders) delete headers[name];
}

function emailOf(body: unknown): string {
	const read = body as ReadBody | undefined;
	if (read === undefined || "error" in read) return "";
	const email = (read.value as { email?: unknown } | null)?.email;
	return typeof email === "string" ? normalizeEmail(email) : "";
}

function pluginContext(counter: Counter, rate: Rate) {
	return {
		init() {},
		async increment(key: string) {
			const { count, resetMs } = await counter.hit(key, rate);
			const now = Date.now();
			return { count, nextReset: new Date(now + resetMs), start: now };
		},
		decrement() {},
		reset() {},
		kill() {},
	};
}
