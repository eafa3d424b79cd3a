import { canonical, sha256 } from "../canonical.ts";
import { AppError } from "../errors.ts";

/** Responses are replayed for a day. */
export const idempotencyKeptMs = 24 * 60 * 60 * 1000;

/** One request that may be repeated safely. */
export interface IdempotentRequest {
	/** The caller and the route. */
	readonly scope: string;
	readonly key: string;
	/** SHA-256 of the canonical request: another request under the same key is `idempotency_mismatch`. */
	readonly requestHash: string;
}

/** Earlier responses, as the transaction sees them that is about to make one. */
export interface IdempotencyRecords {
	find(scope: string, key: string): IdempotencyRecord | undefined;
	save(record: IdempotencyRecord): void;
}

/** The responses that a database keeps. */
export interface IdempotencyStore {
	/** Removes at most `limit` of those from before a time; returns how many. */
	purge(before: number, limit: number): Promise<number>;
}

export interface IdempotencyRecord extends IdempotentRequest {
	readonly body: string;
	readonly createdAt: number;
}

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

/**
 * Does the work once for each key: a repeat within a day gets the first body again. Runs inside the work's transaction,
 * so response and effect are stored together or not at all, and a repeat waits for the first one's commit.
 */
export function once(
	records: IdempotencyRecords,
	request: IdempotentRequest | undefined,
	now: number,
	work: () => string,
): { readonly body: string; readonly replayed: boolean } {
	if (request === undefined) return { body: work(), replayed: false };
	const earlier = records.find(request.scope, request.key);
	if (earlier !== undefined && earlier.createdAt > now - idempotencyKeptMs) {
		if (earlier.requestHash === request.requestHash) return { body: earlier.body, replayed: true };
		throw new AppError("idempotency_mismatch", "This Idempotency-Key was used for another request.");
	}
	const body = work();
	records.save({ ...request, body, createdAt: now });
	return { body, replayed: false };
}
