import type { Config } from "../config.ts";
import { credentialOf } from "../http/credential.ts";
import type { RequestContext } from "../http/request-context.ts";
import { isAccessToken } from "../kernel/credentials.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import type { Counter } from "./counter.ts";
import { addressKey, limiter } from "./limiter.ts";

export interface RequestLimitDeps {
	readonly counter: Counter;
	readonly rates: Pick<Config, "rateLimit" | "userRateLimit" | "workerRateLimit">;
	/** The fingerprint of an API key; undefined for one that is not valid. */
	readonly fingerprintOf: (key: string) => string | undefined;
	/** The user of a JWT; undefined for one that is forged or expired. Asks no database. */
	readonly userIdOf: (token: string) => MaybePromise<string | undefined>;
	/** The SHA-256 of an access token; undefined for one that is forged. Asks no database: it may have ended. */
	readonly hashOf: (token: string) => string | undefined;
}

/** Counts a request under the limit that is for it. Throws `rate_limited` beyond that. */
export type RequestLimit = (request: Request, context: RequestContext) => MaybePromise<void>;

/** A request counts by the credential that it acts for where that is valid, else by the client's address. */
export function requestLimit(deps: RequestLimitDeps): RequestLimit {
	const { counter, rates, fingerprintOf, userIdOf, hashOf } = deps;
	const { rateLimit, userRateLimit, workerRateLimit } = rates;
	const count = rateLimit && limiter(counter, "default", rateLimit);
	const countUser = userRateLimit && limiter(counter, "user", userRateLimit);
	const countWorker = workerRateLimit && limiter(counter, "worker", workerRateLimit);

	function byAddress({ address, headers }: RequestContext): MaybePromise<void> {
		return count?.(`address:${addressKey(address)}`, headers);
	}

	function byKey(key: string, method: string, context: RequestContext): MaybePromise<void> {
		const fingerprint = fingerprintOf(key);
		if (fingerprint === undefined) return byAddress(context);
		const { headers, path } = context;
		if (isOfWorker(method, path)) return countWorker?.(`worker:${fingerprint}`, headers);
		return count?.(`key:${fingerprint}`, headers);
	}

	/** A user or an access token: one count, whatever space and header. */
	function byHolder(key: string, method: string, { headers, path }: RequestContext): MaybePromise<void> {
		return isOfWorker(method, path) ? countWorker?.(`worker:${key}`, headers) : countUser?.(key, headers);
	}

	function byJwt(token: string, method: string, context: RequestContext): MaybePromise<void> {
		return whenResolved(userIdOf(token), (userId) =>
			userId === undefined ? byAddress(context) : byHolder(`user:${userId}`, method, context),
		);
	}

	function byAccessToken(token: string, method: string, context: RequestContext): MaybePromise<void> {
		const hash = hashOf(token);
		return hash === undefined ? byAddress(context) : byHolder(`token:${hash.slice(0, 32)}`, method, context);
	}

	return ({ method, headers }, context) => {
		if (isUnlimited(context.path)) return;
		const credential = credentialOf(headers, context.path);
		if (credential === undefined) return byAddress(context);
		const { kind, text } = credential;
		if (kind === "key" && !isAccessToken(text)) return byKey(text, method, context);
		// No login makes room for the next one: that would let a user try more passwords of others than a stranger may.
		if (isLogin(context.path)) return byAddress(context);
		return isAccessToken(text) ? byAccessToken(text, method, context) : byJwt(text, method, context);
	};
}

function isUnlimited(path: string): boolean {
	return (
		path === "/healthz" ||
		path === "/" ||
		path === "/swagger" ||
		path.startsWith("/swagger/") ||
		path === "/favicon.ico"
	);
}

function isLogin(path: string): boolean {
	return path === "/auth/login" || path === "/auth/login/";
}

const workerPath = /^\/jobs\/(lease|[^/]+\/(heartbeat|complete|fail))\/?$/;
const claimPath = /^\/collab\/tasks\/(claim|[^/]+\/(claim|heartbeat|complete|release))\/?$/;

/** A worker makes several requests for each job or task: with the limit for others it could do a few jobs a minute. */
function isOfWorker(method: string, path: string): boolean {
	if (method !== "POST") return false;
	return path.startsWith("/jobs/") ? workerPath.test(path) : claimPath.test(path);
}
