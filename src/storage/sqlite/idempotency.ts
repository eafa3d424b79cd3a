import { and, eq, lt, sql } from "drizzle-orm";
import type { IdempotencyRecords, IdempotencyStore } from "../../http/idempotency.ts";
import type { Writer } from "../writer.ts";
import type { Db } from "./connection.ts";
import { idempotency } from "./schema.ts";

export function idempotencyRecords(db: Db): IdempotencyRecords {
	const find = db
		.select()
		.from(idempotency)
		.where(and(eq(idempotency.scope, sql.placeholder("scope")), eq(idempotency.key, sql.placeholder("key"))))
		.prepare();
	return {
		find: (scope, key) => find.get({ scope, key }),
		save(answer) {
			const { requestHash, body, createdAt } = answer;
			db.insert(idempotency)
				.values(answer)
				.onConflictDoUpdate({
					target: [idempotency.scope, idempotency.key],
					set: { requestHash, body, createdAt },
				})
				.run();
		},
	};
}

export function idempotencyStore(writer: Writer, db: Db): IdempotencyStore {
	return {
		purge: (before, limit) =>
			writer.run({
				needs: {},
				apply() {
					const old = db
						.select({ rowid: sql`rowid` })
						.from(idempotency)
						.where(lt(idempotency.createdAt, before))
						.limit(limit);
					return db.delete(idempotency).where(sql`rowid IN ${old}`).returning({ key: idempotency.key }).all()
						.length;
				},
			}),
	};
}
