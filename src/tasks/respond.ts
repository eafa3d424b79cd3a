import type { Context } from "elysia";
import { privateUnlessKnown, unlessKnown } from "../http/conditional-get.ts";
import { contextOf } from "../http/request-context.ts";
import type { Representation } from "../kernel/canonical.ts";

/** Responds to a read. One that needed no credential may be kept by everybody's caches. */
export function respond(
	request: Request,
	set: Context["set"],
	representation: Representation,
): string | null {
	const { isPrivate } = contextOf(request);
	return (isPrivate ? privateUnlessKnown : unlessKnown)(request, set, representation);
}
