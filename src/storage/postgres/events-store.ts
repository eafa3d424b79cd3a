import type { EventQuery, EventRow, EventStore } from "../../events/store.ts";
import { eventPage, type PageRow, purgeTo, spanMax } from "../event-page.ts";
import { answered, type Db, type Sql } from "./database.ts";
import type { CommitSignal } from "./events-signal.ts";
import { logHead } from "./schema.ts";

export function eventStore(sql: Sql, db: Db, signal: CommitSignal): EventStore {
	const ends = db
		.select({ rev: logHead.rev, purgedRev: logHead.purgedRev })
		.from(logHead)
		.prepare("log_ends");

	return {
		async ends() {
			const [found] = await answered(() => ends.execute());
			if (found === undefined) throw new Error("the log has no head");
			return found;
		},
		read: async (query) => eventPage(query, await answered(() => page(sql, query))),
		purge: (before, limit) => answered(() => purge(sql, before, limit)),
		onChange: (listener) => signal.onChange(listener),
	};
}

/** One statement, so that events and ends are of one snapshot. */
function page(sql: Sql, { after, types, limit, bytesMax }: EventQuery): PromiseLike<PageRow[]> {
	const from = sql`GREATEST(${after}::bigint, (SELECT purged_rev FROM log_head))`;
	return sql<PageRow[]>`
		SELECT head.rev, head.purged_rev AS "purgedRev", found.* FROM log_head AS head
		LEFT JOIN (
			SELECT id, type, subject, data, request_id AS "requestId", time, bytes FROM (
				SELECT *, sum(octet_length(data)) OVER (ORDER BY id) AS bytes FROM (
					SELECT * FROM events
					WHERE id > ${from} AND id <= ${from} + ${spanMax}::bigint AND type = ANY(${types as string[]}::text[])
					ORDER BY id LIMIT ${limit}
				) AS next
			) AS sized WHERE bytes - octet_length(data) < ${bytesMax}
		) AS found ON true
		ORDER BY found.id`;
}

/** The head row, which every writer needs, is locked last and for the commit alone. */
function purge(sql: Sql, before: number, limit: number): Promise<number> {
	return sql.begin(async (tx) => {
		const oldest = await tx<
			Pick<EventRow, "id" | "time">[]
		>`SELECT id, time FROM events ORDER BY id LIMIT ${limit}`;
		const cut = purgeTo(oldest, before);
		if (cut === undefined) return 0;
		await tx`DELETE FROM events WHERE id <= ${cut.rev}`;
		await tx`UPDATE log_head SET purged_rev = GREATEST(purged_rev, ${cut.rev}::bigint)`;
		return cut.count;
	});
}
