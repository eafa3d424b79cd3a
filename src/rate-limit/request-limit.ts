import type { Config } from "../config.ts";
import type { RequestContext } from "../http/request-context.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { Counter } from "./counter.ts";
import { addressKey, limiter } from "./limiter.ts";

export interface RequestLimitDeps {
	readonly counter: Counter;
	readonly rates: Pick<Config, "rateLimit" | "workerRateLimit">;
	/** The fingerprint of an API key; undefined for one that is not valid. */
	readonly fingerprintOf: (key: string) => string | undefined;
}

/** Counts a request under the limit that is for it. Throws `rate_limited` beyond that. */
export type RequestLimit = (request: Request, context: RequestContext) => MaybePromise<void>;

/** A request counts by its key where that is valid, else by the client's address. */
export function requestLimit({ counter, rates, fingerprintOf }: RequestLimitDeps): RequestLimit {
	const count = rates.rateLimit && limiter(counter, "default", rates.rateLimit);
	const countWorker = rates.workerRateLimit && limiter(counter, "worker", rates.workerRateLimit);

	return ({ method, headers: sent }, { path, address, headers }) => {
		if (isUnlimited(path)) return;
		const key = sent.get("x-api-key");
		const fingerprint = key === null ? undefined : fingerprintOf(key);
		if (fingerprint === undefined) return count?.(`address:${addressKey(address)}`, headers);
		if (isOfWorker(method, path)) return countWorker?.(`worker:${fingerprint}`, headers);
		return count?.(`key:${fingerprint}`, headers);
	};
}

function isUnlimited(path: string): boolean {
	return (
		path === "/healthz" || path === "/swagger" || path.startsWith("/swagger/") || path === "/favicon.ico"
	);
}

const workerPath = /^\/jobs\/(lease|[^/]+\/(heartbeat|complete|fail))\/?$/;

/** A worker makes several requests for each job: with the limit for others it could do a few jobs a minute. */
function isOfWorker(method: string, path: string): boolean {
	return method === "POST" && path.startsWith("/jobs/") && workerPath.test(path);
}
