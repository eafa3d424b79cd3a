import type { Rate } from "../config.ts";
import type { ResponseHeaders } from "../http/envelope.ts";
import { AppError } from "../kernel/errors.ts";
import { type MaybePromise, whenResolved } from "../kernel/maybe-promise.ts";
import { type Counter, seconds, type WindowCount } from "./counter.ts";

/** Counts a request of `key` and adds the state of the limit to `headers`. Fails with `rate_limited` beyond the rate. */
export type Limiter = (key: string, headers: ResponseHeaders) => MaybePromise<void>;

/**
 * A limit under the name that its headers have. It runs before routing, so that requests count as well whose path or
 * method does not exist or whose body does not parse.
 */
export function limiter(counter: Counter, name: "default" | "user" | "worker", rate: Rate): Limiter {
	const policy = `"${name}";q=${rate.requestsMax};w=${rate.windowSeconds}`;

	function check({ count, resetMs }: WindowCount, headers: ResponseHeaders): void {
		const left = Math.max(0, rate.requestsMax - count);
		const retryAfterSeconds = seconds(resetMs);
		headers["ratelimit-policy"] = policy;
		headers.ratelimit = `"${name}";r=${left};t=${retryAfterSeconds}`;
		if (count > rate.requestsMax) throw tooMany(retryAfterSeconds);
	}

	return (key, headers) => whenResolved(counter.hit(key, rate), (window) => check(window, headers));
}

export function tooMany(retryAfterSeconds: number): AppError {
	return new AppError(
		"rate_limited",
		`Too many requests; the next one is welcome in ${retryAfterSeconds} s.`,
		{
			retryAfterSeconds,
		},
	);
}

/**
 * The key that an address counts under. A client with IPv6 usually has a whole /64 of addresses, so it is the /64 that
 * counts (RFC 6177); an IPv4-mapped IPv6 address counts as the IPv4 address.
 */
export function addressKey(address: string): string {
	if (!address.includes(":")) return address;
	const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
	return mapped ?? `${expanded(address).slice(0, 4).join(":")}::/64`;
}

function expanded(address: string): readonly string[] {
	const [start = "", end] = address.toLowerCase().split("%")[0]?.split("::") ?? [];
	const left = start.split(":").filter((part) => part !== "");
	const right = (end ?? "").split(":").filter((part) => part !== "");
	const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
	return [...left, ...zeros, ...right].map((part) => part.replace(/^0+(?=.)/, ""));
}
