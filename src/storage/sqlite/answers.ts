import { and, eq, sql } from "drizzle-orm";
import type { GivenAnswers } from "../../http/idempotency.ts";
import type { Db } from "./database.ts";
import { idempotency } from "./schema.ts";

export function givenAnswers(db: Db): GivenAnswers {
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
