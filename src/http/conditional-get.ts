import type { Context } from "elysia";
import type { Representation } from "../kernel/canonical.ts";
import { isKnown } from "./preconditions.ts";

type ResponseSettings = Context["set"];

/**
 * Sets the strong `ETag` of the response to a change, which needed a credential. A proxy that compresses the body would
 * have to weaken the tag, and a weak one matches no `If-Match`: with `no-transform` it must leave the body as it is
 * (RFC 9111 §5.2.2.6).
 */
export function setEtag({ headers }: ResponseSettings, etag: string): void {
	headers.etag = etag;
	headers["cache-control"] = "private, no-cache, no-transform";
}

/** The body with its `ETag`, or 304 where the client has it already. For what everybody may read. */
export function unlessKnown(
	{ headers }: Request,
	set: ResponseSettings,
	{ body, etag }: Representation,
): string | null {
	set.headers.etag = etag;
	set.headers["cache-control"] = "no-cache, no-transform";
	return isKnown(headers, etag) ? noBody(set, 304) : body;
}

/** The same for what needs a credential. */
export function privateUnlessKnown(
	request: Request,
	set: ResponseSettings,
	representation: Representation,
): string | null {
	const response = unlessKnown(request, set, representation);
	setPrivate(set);
	set.headers["cache-control"] = "private, no-cache, no-transform";
	return response;
}

/**
 * For the response to a request that needed a credential: no cache that others share may keep it (RFC 9111 §5.2.2.7), and
 * a private one may not give it to whoever uses the same browser with another credential.
 */
export function setPrivate({ headers }: Pick<ResponseSettings, "headers">): void {
	headers["cache-control"] = "private, no-cache";
	headers.vary = "Origin, Authorization, X-API-Key";
}

/** A response without a body, and so without a type. */
export function noBody(set: ResponseSettings, status: 204 | 304): null {
	set.status = status;
	delete set.headers["content-type"];
	return null;
}
