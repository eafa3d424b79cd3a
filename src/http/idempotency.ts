import { canonical, sha256 } from "../kernel/canonical.ts";
import { AppError } from "../kernel/errors.ts";
import type { IdempotentRequest } from "../kernel/idempotency.ts";
import { defaultSpace } from "../kernel/space.ts";
import { contextOf } from "./request-context.ts";

/** The request's `Idempotency-Key`, if it has one. Throws `bad_request` for a malformed one. */
export function idempotencyKey(headers: Headers): string | undefined {
	const key = headers.get("idempotency-key");
	if (key === null || /^[\x21-\x7e]{1,255}$/.test(key)) return key ?? undefined;
	throw new AppError("bad_request", "Idempotency-Key must be 1 to 255 visible ASCII characters.");
}

/** What is done once for the request's `Idempotency-Key`, if it has one. Throws as `idempotencyKey`. */
export function idempotentRequest(
	request: Request,
	caller: string,
	route: string,
	body: unknown,
): IdempotentRequest | undefined {
	const { space } = contextOf(request);
	const key = idempotencyKey(request.headers);
	if (key === undefined) return undefined;
	// Without the space where it is `default`, as earlier versions wrote it.
	const of = space === defaultSpace ? caller : `${space} ${caller}`;
	return { scope: `${of} ${route}`, key, requestHash: sha256(canonical(body)) };
}
