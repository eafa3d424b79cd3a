import type { Context } from "elysia";
import type { Representation } from "../canonical.ts";
import { isKnown } from "./preconditions.ts";

type ResponseSettings = Context["set"];

/** The body with its `ETag`, or 304 where the client has it already. */
export function unlessKnown(
	{ headers }: Request,
	set: ResponseSettings,
	{ body, etag }: Representation,
): string | null {
	set.headers.etag = etag;
	set.headers["cache-control"] = "no-cache";
	return isKnown(headers, etag) ? noBody(set, 304) : body;
}

/** A response without a body, and so without a type. */
export function noBody(set: ResponseSettings, status: 204 | 304): null {
	set.status = status;
	delete set.headers["content-type"];
	return null;
}
