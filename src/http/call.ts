/** What is known of one request beside its bytes. */
export interface Call {
	readonly requestId: string;
	/** The client's address: the socket's, or the one a trusted proxy names. */
	readonly address: string;
	/** Who asks, for the log: a user's id or a key's fingerprint, once known. Never a secret. */
	principal?: string;
	/** Lifts the server's idle time-out: for streams, which may be quiet for long. */
	keepOpen(): void;
}

/** Where a request carries its call. A WeakMap beside it cost several microseconds a request, most of them in GC. */
const key = Symbol("call");
type Carrier = Request & { [key]?: Call };

export function registerCall(request: Request, call: Call): void {
	(request as Carrier)[key] = call;
}

/** The call of a request that came through the edge. */
export function callOf(request: Request): Call {
	const call = (request as Carrier)[key];
	if (call === undefined) throw new Error("a request that did not come through the edge");
	return call;
}

const requestIdForm = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's own `X-Request-Id` where it has the allowed form, else a new one. */
export function requestIdOf(headers: Headers): string {
	const given = headers.get("x-request-id");
	return given !== null && requestIdForm.test(given) ? given : crypto.randomUUID();
}

/**
 * The client's address. Each of `trustedProxies` proxies in front appends the address it saw, so the client's is
 * that many from the right of `X-Forwarded-For`; whatever stands further left is the client's own invention.
 */
export function clientAddress(socket: string, headers: Headers, trustedProxies: number): string {
	if (trustedProxies === 0) return socket;
	const forwarded = headers.get("x-forwarded-for")?.split(",") ?? [];
	return forwarded.at(-trustedProxies)?.trim().slice(0, 64) || forwarded[0]?.trim().slice(0, 64) || socket;
}
