import type { Database } from "bun:sqlite";
import { and, eq, lt, sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import {
	idempotency as collection,
	type IdempotencyRecord,
	type IdempotencyRows,
	type IdempotencyStore,
} from "../../../kernel/idempotency.ts";
import { type Registration, RowsInPlace, type StoreContext, unitsOf } from "../collection.ts";
import type { Db } from "../connection.ts";

export const idempotencyTable = sqliteTable(
	"idempotency",
	{
		/** The caller and the route. */
		scope: text().notNull(),
		key: text().notNull(),
		/** SHA-256 of the canonical request. */
		requestHash: text("request_hash").notNull(),
		/** The outcome of the first request, as JSON. */
		body: text().notNull(),
		createdAt: integer("created_at").notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.scope, table.key] }),
		index("idempotency_age").on(table.createdAt),
	],
);

export const idempotency = {
	tables: { idempotency: idempotencyTable },
	units: unitsOf(collection, (_: Database, db: Db) => new IdempotencyRowsInPlace(db)),
	store: idempotencyStore,
} satisfies Registration<IdempotencyStore, { idempotency: IdempotencyRecord }>;

class IdempotencyRowsInPlace extends RowsInPlace implements IdempotencyRows {
	readonly #byKey;

	constructor(private readonly db: Db) {
		super();
		const { scope, key } = idempotencyTable;
		this.#byKey = db
			.select()
			.from(idempotencyTable)
			.where(and(eq(scope, sql.placeholder("scope")), eq(key, sql.placeholder("key"))))
			.prepare();
	}

	find(scope: string, key: string): IdempotencyRecord | undefined {
		return this.#byKey.get({ scope, key });
	}

	save(record: IdempotencyRecord): void {
		this.wrote();
		const { requestHash, body, createdAt } = record;
		this.db
			.insert(idempotencyTable)
			.values(record)
			.onConflictDoUpdate({
				target: [idempotencyTable.scope, idempotencyTable.key],
				set: { requestHash, body, createdAt },
			})
			.run();
	}
}

function idempotencyStore({ db, run }: StoreContext): IdempotencyStore {
	return {
		purge: (before, limit) =>
			run({
				reads: [],
				decide() {
					const old = db
						.select({ rowid: sql`rowid` })
						.from(idempotencyTable)
						.where(lt(idempotencyTable.createdAt, before))
						.limit(limit);
					const removed = db.delete(idempotencyTable).where(sql`rowid IN ${old}`);
					return removed.returning({ key: idempotencyTable.key }).all().length;
				},
			}),
	};
}
