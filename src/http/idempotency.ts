import { canonical, sha256 } from "../canonical.ts";
import { AppError } from "../errors.ts";

/** Answers are replayed for a day (contract §1). */
export const idempotencyKeptMs = 24 * 60 * 60 * 1000;

/** One request that may be repeated safely. */
export interface IdempotentRequest {
	/** Who asks for what: the caller and the route. */
	readonly scope: string;
	readonly key: string;
	/** SHA-256 of the canonical request: another request under the same key is refused. */
	readonly requestHash: string;
}

/** Answers that were given before, seen from inside the transaction that would give one again. */
export interface IdempotencyRecords {
	find(scope: string, key: string): IdempotencyRecord | undefined;
	save(answer: IdempotencyRecord): void;
}

/** Given answers as a database keeps them. */
export interface IdempotencyStore {
	/** Removes at most `limit` answers from before a time; the answer is how many. */
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
 * Does the work once per key: a repeat within a day gets the first body again. Runs inside the work's transaction,
 * so answer and effect are stored together or not at all, and a second request waits for the first one's commit.
 */
export function once(
	answers: IdempotencyRecords,
	request: IdempotentRequest | undefined,
	now: number,
	work: () => string,
): { readonly body: string; readonly replayed: boolean } {
	if (request === undefined) return { body: work(), replayed: false };
	const given = answers.find(request.scope, request.key);
	if (given !== undefined && given.createdAt > now - idempotencyKeptMs) {
		if (given.requestHash === request.requestHash) return { body: given.body, replayed: true };
		throw new AppError("idempotency_mismatch", "This Idempotency-Key was used for another request.");
	}
	const body = work();
	answers.save({ ...request, body, createdAt: now });
	return { body, replayed: false };
}
