import { canonical } from "../canonical.ts";
import type { ErrorCode, Refusal } from "../errors.ts";

/** The one place where an error code meets its HTTP status. */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
	bad_request: 400,
	unauthorized: 401,
	invalid_credentials: 401,
	forbidden: 403,
	not_found: 404,
	method_not_allowed: 405,
	conflict: 409,
	lease_lost: 409,
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

/** Response headers that are being gathered for one answer. */
export type AnswerHeaders = Record<string, string | number>;

/** On every answer. Each is overridden by a route where it must be. */
export function answerHeaders(requestId: string): AnswerHeaders {
	return {
		"content-type": "application/json",
		"x-content-type-options": "nosniff",
		"referrer-policy": "no-referrer",
		vary: "Origin",
		"x-request-id": requestId,
	};
}

/** The body of every status from 400 up: `{"details"?, "message", "request_id", "type"}`, canonical. */
export function errorBody(refusal: Refusal, requestId: string): string {
	return canonical({
		details: refusal.facts.details,
		message: refusal.message,
		request_id: requestId,
		type: refusal.code,
	});
}

/** The headers that a refusal adds to the answer. */
export function errorHeaders(refusal: Refusal): Record<string, string> {
	const { etag, allow, retryAfterSeconds, challenge } = refusal.facts;
	return {
		"cache-control": "no-store",
		"content-type": "application/json",
		...(etag !== undefined && { etag }),
		...(allow !== undefined && { allow }),
		...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
		...(challenge !== undefined && { "www-authenticate": challenge }),
	};
}
