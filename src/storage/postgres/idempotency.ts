import type { IdempotencyRecord, IdempotencyRecords, IdempotencyStore } from "../../http/idempotency.ts";
import type { Sql, Tx } from "./connection.ts";
import { runQuery } from "./errors.ts";
import { IdentityMap } from "./identity-map.ts";

type Key = Pick<IdempotencyRecord, "scope" | "key">;

/** Answers given before, for a group. */
export class IdempotencySet implements IdempotencyRecords {
	readonly #rows = new IdentityMap<IdempotencyRecord>(({ scope, key }) => `${scope}\0${key}`);

	static async fetch(tx: Tx, keys: readonly Key[]): Promise<IdempotencySet> {
		const set = new IdempotencySet();
		if (keys.length === 0) return set;
		set.#rows.load(
			await tx<IdempotencyRecord[]>`
				SELECT scope, key, request_hash AS "requestHash", body, created_at AS "createdAt"
				FROM idempotency JOIN unnest(
					${keys.map(({ scope }) => scope)}::text[],
					${keys.map(({ key }) => key)}::text[]) AS wanted (scope, key) USING (scope, key)`,
		);
		return set;
	}

	find(scope: string, key: string): IdempotencyRecord | undefined {
		return this.#rows.find(`${scope}\0${key}`);
	}

	save(answer: IdempotencyRecord): void {
		this.#rows.put(answer);
	}

	keep(): void {
		this.#rows.keep();
	}

	takeBack(): void {
		this.#rows.takeBack();
	}

	write(tx: Tx): PromiseLike<unknown>[] {
		const { inserted, updated } = this.#rows.changes();
		const rows = [...inserted, ...updated];
		if (rows.length === 0) return [];
		return [
			tx`INSERT INTO idempotency (scope, key, request_hash, body, created_at)
				SELECT * FROM unnest(
					${rows.map(({ scope }) => scope)}::text[],
					${rows.map(({ key }) => key)}::text[],
					${rows.map(({ requestHash }) => requestHash)}::text[],
					${rows.map(({ body }) => body)}::text[],
					${rows.map(({ createdAt }) => createdAt)}::bigint[])
				ON CONFLICT (scope, key) DO UPDATE SET
					request_hash = excluded.request_hash, body = excluded.body, created_at = excluded.created_at`,
		];
	}
}

export function idempotencyStore(sql: Sql): IdempotencyStore {
	return {
		async purge(before, limit) {
			const { count } = await runQuery(
				() => sql`DELETE FROM idempotency WHERE (scope, key) IN
					(SELECT scope, key FROM idempotency WHERE created_at < ${before} LIMIT ${limit})`,
			);
			return count;
		},
	};
}
