import { canonical, sha256 } from "../kernel/canonical.ts";
import { AppError } from "../kernel/errors.ts";
import type { IdempotentRequest } from "../kernel/idempotency.ts";

/** The request's `Idempotency-Key`, if it has one. A malformed key is `bad_request`. */
export function idempotentRequest(
	headers: Headers,
	caller: string,
	route: string,
	request: unknown,
): IdempotentRequest | undefined {
	const key = headers.get("idempotency-key");
	if (key === null) return undefined;
	if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
		throw new AppError("bad_request", "Idempotency-Key must be 1 to 255 visible ASCII characters.");
	}
	return { scope: `${caller} ${route}`, key, requestHash: sha256(canonical(request)) };
}
