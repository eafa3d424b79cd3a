import type { Rate } from "../config.ts";
import { AppError } from "../errors.ts";
import type { ResponseHeaders } from "../http/envelope.ts";
import { whenResolved } from "../maybe-promise.ts";
import { type Counter, seconds, type WindowCount } from "./counter.ts";

/** Counts a request of `key`, tells it in `headers`, refuses with `rate_limited` beyond the rate. */
export type Limiter = (key: string, headers: ResponseHeaders) => void | Promise<void>;

/**
 * The limit that everything but health and documentation is under. It runs before routing, so that what does not
 * exist, is not allowed or does not parse counts as well.
 */
export function limiter(counter: Counter, rate: Rate): Limiter {
	const policy = `"default";q=${rate.requestsMax};w=${rate.windowSeconds}`;

	function judge({ count, resetMs }: WindowCount, headers: ResponseHeaders): void {
		const left = Math.max(0, rate.requestsMax - count);
		const retryAfterSeconds = seconds(resetMs);
		headers["ratelimit-policy"] = policy;
		headers.ratelimit = `"default";r=${left};t=${retryAfterSeconds}`;
		if (count > rate.requestsMax) throw tooMany(retryAfterSeconds);
	}

	return (key, headers) => whenResolved(counter.hit(key, rate), (tally) => judge(tally, headers));
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
 * The bucket of an address. Who has IPv6 has a whole /64 of addresses, so that is what counts (RFC 6177); an IPv4
 * address in IPv6's clothes is the same client as without.
 */
export function addressKey(address: string): string {
	if (!address.includes(":")) return address;
	const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
	return mapped ?? `${expanded(address).slice(0, 4).join(":")}::/64`;
}

function expanded(address: string): readonly string[] {
	const [head = "", tail] = address.toLowerCase().split("%")[0]?.split("::") ?? [];
	const left = head.split(":").filter((part) => part !== "");
	const right = (tail ?? "").split(":").filter((part) => part !== "");
	const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
	return [...left, ...zeros, ...right].map((part) => part.replace(/^0+(?=.)/, ""));
}
