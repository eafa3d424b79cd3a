import { canonical } from "../kernel/canonical.ts";
import type { AppError, ErrorCode } from "../kernel/errors.ts";

/** The HTTP status of each error code. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
	bad_request: 400,
	unauthorized: 401,
	invalid_credentials: 401,
	forbidden: 403,
	not_found: 404,
	method_not_allowed: 405,
	conflict: 409,
	lease_lost: 409,
	claimed: 409,
	blocked: 409,
	gone: 410,
	precondition_failed: 412,
	payload_too_large: 413,
	unsupported_media_type: 415,
	validation_error: 422,
	idempotency_mismatch: 422,
	precondition_required: 428,
	rate_limited: 429,
	internal: 500,
	unavailable: 503,
};

/** The headers of one response, while they are gathered. */
export type ResponseHeaders = Record<string, string | number>;

/** On every response. A route may override each. */
export function defaultHeaders(requestId: string): ResponseHeaders {
	return {
		"content-type": "application/json",
		"x-content-type-options": "nosniff",
		"referrer-policy": "no-referrer",
		vary: "Origin",
		"x-request-id": requestId,
	};
}

/** The body of every status from 400 up: `{"details"?, "message", "request_id", "type"}`, canonical. */
export function errorBody(error: AppError, requestId: string): string {
	return canonical({
		details: error.details.faults,
		message: error.message,
		request_id: requestId,
		type: error.code,
	});
}

/** The headers that an error adds to the response. */
export function errorHeaders(error: AppError): Record<string, string> {
	const { etag, allow, retryAfterSeconds, challenge, acceptEncoding } = error.details;
	return {
		"cache-control": "no-store",
		"content-type": "application/json",
		...(etag !== undefined && { etag, "cache-control": "no-store, no-transform" }),
		...(allow !== undefined && { allow }),
		...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
		...(acceptEncoding !== undefined && { "accept-encoding": acceptEncoding }),
		...(challenge !== undefined && { "www-authenticate": challenge }),
	};
}
