import { eq, sql } from "drizzle-orm";
import type { EventDraft } from "../../events/store.ts";
import type { Db } from "./database.ts";
import { events, logHead } from "./schema.ts";

/**
 * Appends to the log inside the current transaction. SQLite has one writer at a time, so a number taken anywhere in
 * the transaction is in commit order.
 */
export function eventLog(db: Db): (event: EventDraft) => number {
	const next = db
		.update(logHead)
		.set({
			rev: sql`rev + 1`,
			tasksRev: sql`CASE WHEN ${sql.placeholder("isTask")} THEN rev + 1 ELSE tasks_rev END`,
		})
		.where(eq(logHead.one, 1))
		.returning({ rev: logHead.rev })
		.prepare();
	const insert = db
		.insert(events)
		.values({
			id: sql.placeholder("id"),
			type: sql.placeholder("type"),
			subject: sql.placeholder("subject"),
			data: sql.placeholder("data"),
			requestId: sql.placeholder("requestId"),
			time: sql.placeholder("time"),
		})
		.prepare();
	return (event) => {
		const head = next.get({ isTask: event.type.startsWith("task.") ? 1 : 0 });
		if (head === undefined) throw new Error("the log has no head");
		insert.run({ id: head.rev, ...event });
		return head.rev;
	};
}
