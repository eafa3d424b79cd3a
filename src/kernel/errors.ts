/** What can go wrong, as a client may see it. The code never changes; HTTP gives each one status (http/envelope.ts). */
export type ErrorCode =
	| "bad_request"
	| "unauthorized"
	| "invalid_credentials"
	| "forbidden"
	| "not_found"
	| "method_not_allowed"
	| "conflict"
	| "lease_lost"
	| "claimed"
	| "blocked"
	| "gone"
	| "precondition_failed"
	| "payload_too_large"
	| "unsupported_media_type"
	| "validation_error"
	| "idempotency_mismatch"
	| "precondition_required"
	| "rate_limited"
	| "internal"
	| "unavailable";

/** One fault of a submitted value: a JSON pointer to the place and a sentence that never repeats the value. */
export interface Fault {
	readonly message: string;
	readonly path: string;
}

interface ErrorDetails {
	/**
	 * Every fault of the submitted value, for `validation_error` and `payload_too_large`; what blocks the task, by its place
	 * in the task, for `blocked`.
	 */
	readonly faults?: readonly Fault[];
	/** The current strong ETag, for a precondition that failed. */
	readonly etag?: string;
	/** Methods that the path knows, for `method_not_allowed`. */
	readonly allow?: string;
	/** Whole seconds after which another try makes sense. */
	readonly retryAfterSeconds?: number;
	/** The content coding that is wanted, for a body in another one. */
	readonly acceptEncoding?: "identity";
	/** The authentication scheme that is wanted, for `unauthorized`. */
	readonly challenge?: "Bearer";
	/** The cause, for the log only. */
	readonly cause?: unknown;
}

/** A request that cannot be fulfilled, with everything that its response needs. Any other thrown value is a defect: 500. */
export class AppError extends Error {
	override readonly name = "AppError";

	constructor(
		readonly code: ErrorCode,
		message: string,
		readonly details: ErrorDetails = {},
	) {
		super(message, { cause: details.cause });
	}
}

/** Ends the program with one sentence and exit code 1: something that its user can fix. */
export class StartupError extends Error {
	override readonly name = "StartupError";
}

/** A response names at most as many. */
const faultsMax = 1000;

/** Every fault of one submitted value at once. */
export function validationError(faults: readonly Fault[]): AppError {
	const count = faults.length === 1 ? "One value does" : `${faults.length} values do`;
	const message =
		faults.length <= faultsMax
			? `${count} not fit; see details.`
			: `More than ${faultsMax} values do not fit; see details for the first of them.`;
	return new AppError("validation_error", message, { faults: faults.slice(0, faultsMax) });
}
