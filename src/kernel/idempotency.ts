import { AppError } from "./errors.ts";
import { Collection, type Read, requireNamed, type UnitOfWork } from "./unit-of-work.ts";

/** Responses are replayed for a day (contract §1). */
export const idempotencyKeptMs = 24 * 60 * 60 * 1000;

/** Where a record is kept: who asks for what, and the key they chose. */
export interface IdempotencyKey {
	/** The caller and the route. */
	readonly scope: string;
	readonly key: string;
}

/** One request that may be repeated safely. */
export interface IdempotentRequest extends IdempotencyKey {
	/** SHA-256 of the canonical request: another request under the same key is an error. */
	readonly requestHash: string;
}

/** What the first request under a key came to. */
export interface IdempotencyRecord extends IdempotentRequest {
	/** The outcome, as JSON. */
	readonly body: string;
	/** Milliseconds since the epoch on the database's clock. */
	readonly createdAt: number;
}

export interface IdempotencyRows {
	find(scope: string, key: string): IdempotencyRecord | undefined;
	save(record: IdempotencyRecord): void;
}

export const idempotency = new Collection<readonly IdempotencyKey[], IdempotencyRows>({
	name: "idempotency",
	nothing: [],
	narrow(rows, keys) {
		const named = (scope: string, key: string) =>
			requireNamed(
				keys.some((one) => one.scope === scope && one.key === key),
				"an idempotency key",
			);
		return {
			find(scope, key) {
				named(scope, key);
				return rows.find(scope, key);
			},
			save(record) {
				named(record.scope, record.key);
				rows.save(record);
			},
		};
	},
});

/** Records as a database keeps them. */
export interface IdempotencyStore {
	/** Removes at most `limit` records from before a time of the database's clock; the answer is how many. */
	purge(before: number, limit: number): Promise<number>;
}

/** What a unit reads to run `once`: nothing without a key. */
export function idempotencyReads(request: IdempotentRequest | undefined): readonly Read[] {
	return request === undefined ? [] : [idempotency.reads([request])];
}

/**
 * Does `run` once per key: a repeat within a day gets the first outcome again. Inside the transaction of the change, so
 * that outcome and change are stored together or not at all, and a second request waits for the first one's commit.
 * The outcome must be plain JSON.
 */
export function once<T extends object>(
	work: UnitOfWork,
	request: IdempotentRequest | undefined,
	run: () => T,
): T & { readonly replayed: boolean } {
	const outcome = onceIfAny(work, request, run);
	if (outcome === undefined) throw new Error("what is done once has an outcome");
	return outcome;
}

/** As `once`, for what may come to nothing: that is undefined, and stores nothing. */
export function onceIfAny<T extends object>(
	work: UnitOfWork,
	request: IdempotentRequest | undefined,
	run: () => T | undefined,
): (T & { readonly replayed: boolean }) | undefined {
	if (request === undefined) {
		const outcome = run();
		return outcome && { ...outcome, replayed: false };
	}
	const records = work.rows(idempotency);
	const now = work.now();
	const first = records.find(request.scope, request.key);
	if (first !== undefined && first.createdAt > now - idempotencyKeptMs) {
		if (first.requestHash === request.requestHash)
			return { ...(JSON.parse(first.body) as T), replayed: true };
		throw new AppError("idempotency_mismatch", "This Idempotency-Key was used for another request.");
	}
	const outcome = run();
	if (outcome === undefined) return undefined;
	records.save({ ...request, body: JSON.stringify(outcome), createdAt: now });
	return { ...outcome, replayed: false };
}
