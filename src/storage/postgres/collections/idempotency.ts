import { bigint, index, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import {
	idempotency as collection,
	type IdempotencyKey,
	type IdempotencyRecord,
	type IdempotencyRows,
	type IdempotencyStore,
} from "../../../kernel/idempotency.ts";
import type { SpaceId } from "../../../kernel/space.ts";
import { type GroupRows, type Registration, type StoreContext, unitsOf } from "../collection.ts";
import type { Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import { TableStatements } from "../table-statements.ts";

export const idempotencyTable = pgTable(
	"idempotency",
	{
		/** The caller and the route. */
		scope: text().notNull(),
		key: text().notNull(),
		/** SHA-256 of the canonical request. */
		requestHash: text("request_hash").notNull(),
		/** The outcome of the first request, as JSON. */
		body: text().notNull(),
		createdAt: bigint("created_at", { mode: "number" }).notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.scope, table.key] }),
		index("idempotency_age").on(table.createdAt),
	],
);

const idempotencyStatements = new TableStatements(idempotencyTable, {
	key: "key",
	fixed: [],
	json: ["body"],
});

export const idempotency = {
	tables: { idempotency: idempotencyTable },
	units: unitsOf(collection, () => new IdempotencyGroupRows()),
	store: idempotencyStore,
} satisfies Registration<IdempotencyStore, { idempotency: IdempotencyRecord }>;

class IdempotencyGroupRows implements IdempotencyRows, GroupRows<readonly IdempotencyKey[], IdempotencyRows> {
	readonly rows = this;
	readonly #records = new IdentityMap<IdempotencyRecord>(({ scope, key }) => mapKey(scope, key));

	async fetch(tx: Tx, readSets: readonly (readonly IdempotencyKey[])[]): Promise<void> {
		const keys = readSets.flat();
		if (keys.length === 0) return;
		this.#records.load(
			await tx<IdempotencyRecord[]>`
				SELECT ${idempotencyStatements.columns(tx)}
				FROM idempotency JOIN unnest(
					${keys.map(({ scope }) => scope)}::text[],
					${keys.map(({ key }) => key)}::text[]) AS wanted (scope, key) USING (scope, key)`,
		);
	}

	find(scope: string, key: string): IdempotencyRecord | undefined {
		return this.#records.get(mapKey(scope, key));
	}

	save(record: IdempotencyRecord): void {
		this.#records.put(record);
	}

	keep(): void {
		this.#records.keep();
	}

	undo(): void {
		this.#records.undo();
	}

	get changedSpaces(): ReadonlySet<SpaceId> {
		return this.#records.changedSpaces;
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		const { inserted, updated } = this.#records.changes();
		const records = [...inserted, ...updated];
		if (records.length === 0) return [];
		return [
			tx`${idempotencyStatements.insert(tx, records)} ON CONFLICT (scope, key) DO UPDATE SET
					request_hash = excluded.request_hash, body = excluded.body, created_at = excluded.created_at`,
		];
	}
}

function mapKey(scope: string, key: string): string {
	return `${scope}\0${key}`;
}

function idempotencyStore({ pool }: StoreContext): IdempotencyStore {
	const { sql } = pool;
	return {
		async purge(before, limit) {
			const { count } = await pool.query(
				() => sql`DELETE FROM idempotency WHERE (scope, key) IN (
					SELECT scope, key FROM idempotency
					WHERE created_at < ${before}::bigint
					LIMIT ${limit})`,
			);
			return count;
		},
	};
}
