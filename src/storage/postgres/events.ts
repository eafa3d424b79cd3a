import type { EventQuery, EventRow, EventStore, LogRange } from "../../events/store.ts";
import { eventPage, purgeTo, spanMax } from "../event-page.ts";
import type { CommitNotifier } from "./commit-notifier.ts";
import type { Db, Sql } from "./connection.ts";
import { runQuery } from "./errors.ts";
import { logHead } from "./schema.ts";

export function eventStore(sql: Sql, db: Db, signal: CommitNotifier): EventStore {
	const range = db
		.select({ rev: logHead.rev, purgedRev: logHead.purgedRev })
		.from(logHead)
		.prepare("log_range");

	return {
		async range() {
			const [found] = await runQuery(() => range.execute());
			if (found === undefined) throw new Error("the log has no head");
			return found;
		},
		async read(query) {
			const found = await runQuery(() => page(sql, query));
			const [head] = found;
			if (head === undefined) throw new Error("the log has no head");
			const events = found.flatMap((row) => (row.id === null ? [] : [row]));
			const rows = events.map(({ id, type, subject, data, requestId, time }) => {
				return { id, type, subject, data, requestId, time };
			});
			const isFull = rows.length === query.limit || (events.at(-1)?.bytes ?? 0) >= query.bytesMax;
			return eventPage(query, head, rows, isFull);
		},
		purge: (before, limit) => runQuery(() => purge(sql, before, limit)),
		onChange: (listener) => signal.onChange(listener),
	};
}

/** A row of the page's statement: the log's range with each event, or alone where there is none. */
type PageRow = LogRange &
	(
		| { readonly id: null }
		| (EventRow & {
				/** The bytes of data on this page, this event's included. */
				readonly bytes: number;
		  })
	);

/**
 * One statement, so that events and range are of one snapshot. How many events fit is found from their lengths, which
 * Postgres knows without fetching what it keeps out of line; only those that fit are read.
 */
function page(sql: Sql, { after, types, limit, bytesMax }: EventQuery): PromiseLike<PageRow[]> {
	const from = sql`GREATEST(${after}::bigint, (SELECT purged_rev FROM log_head))`;
	return sql<PageRow[]>`
		SELECT head.rev, head.purged_rev AS "purgedRev", found.*, fit.bytes FROM log_head AS head
		LEFT JOIN (
			SELECT id, bytes FROM (
				SELECT id, length, sum(length) OVER (ORDER BY id) AS bytes FROM (
					SELECT id, octet_length(data) AS length FROM events
					WHERE id > ${from} AND id <= ${from} + ${spanMax}::bigint AND type = ANY(${types as string[]}::text[])
					ORDER BY id LIMIT ${limit}
				) AS next
			) AS sized WHERE bytes - length < ${bytesMax}
		) AS fit ON true
		LEFT JOIN (
			SELECT id, type, subject, data, request_id AS "requestId", time FROM events
		) AS found ON found.id = fit.id
		ORDER BY fit.id`;
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
