import { component } from "./component.ts";

/** Response headers that only some operations have. */
const optionalHeaders = {
	ETag: "The strong entity tag: SHA-256 of the body, in hex, in double quotes.",
	Link: 'The next page, `rel="next"`.',
	Location: "The path of the new resource.",
	"Cache-Control": "Whether the response may be kept; with `ETag`, that it may not be transformed.",
	Vary: "Request headers that the response depends on.",
	"Idempotency-Replayed": "`true` where this is an earlier response again.",
	"X-Event-Id": "The newest event that the response includes; tail from it to miss nothing.",
	Allow: "The methods that this path knows.",
	"Accept-Encoding": "`identity` where the body had another content coding.",
	"Retry-After": "Seconds after which another try makes sense.",
	"WWW-Authenticate": "`Bearer`.",
} as const;
export type HeaderName = keyof typeof optionalHeaders;

const limitHeaders = {
	RateLimit: 'What is left of the limit: `"default";r=<left>;t=<seconds>`; of a user\'s limit, `"user";…`.',
	"RateLimit-Policy": 'The limit: `"default";q=60;w=60`; with a valid token, `"user";q=600;w=60`.',
};

/** The headers of one response: those that every response has, and the ones named. */
export function describedHeaders(names: readonly HeaderName[], unlimited: boolean) {
	const descriptions = {
		"X-Request-Id": "The request's id, as sent or made here.",
		...(unlimited ? {} : limitHeaders),
		...Object.fromEntries(names.map((name) => [name, optionalHeaders[name]])),
	};
	return Object.fromEntries(
		Object.entries(descriptions).map(([name, description]) => [
			name,
			component("headers", name, { description, schema: { type: "string" as const } }),
		]),
	);
}
