import type { Database } from "bun:sqlite";
import { asc, lte, sql } from "drizzle-orm";
import type { EventPage, EventQuery, EventRow, EventStore, LogRange } from "../../events/store.ts";
import { eventPage, purgeTo, spanMax } from "../event-page.ts";
import type { Writer } from "../writer.ts";
import type { CommitNotifier } from "./commit-notifier.ts";
import type { Db } from "./connection.ts";
import { read } from "./errors.ts";
import { events, logHead } from "./schema.ts";

type NextParameters = { after: number; to: number; types: string; limit: number };

export function eventStore(database: Database, db: Db, writer: Writer, signal: CommitNotifier): EventStore {
	const readRange = database.query<LogRange, []>(`SELECT rev, purged_rev AS "purgedRev" FROM log_head`);
	const next = database.query<EventRow, NextParameters>(`
		SELECT id, type, subject, data, request_id AS "requestId", time FROM events
		WHERE id > $after AND id <= $to AND type IN (SELECT value FROM json_each($types))
		ORDER BY id LIMIT $limit`);
	function range(): LogRange {
		const found = readRange.get();
		if (found === null) throw new Error("the log has no head");
		return found;
	}
	// One transaction, so that events and range are of one moment. Row by row, so that none is read in vain.
	const page = database.transaction((query: EventQuery): EventPage => {
		const { limit, bytesMax } = query;
		const now = range();
		const after = Math.max(query.after, now.purgedRev);
		const rows: EventRow[] = [];
		let bytes = 0;
		const types = JSON.stringify(query.types);
		for (const row of next.iterate({ after, to: after + spanMax, types, limit })) {
			rows.push(row);
			bytes += Buffer.byteLength(row.data);
			if (bytes >= bytesMax) break;
		}
		return eventPage(query, now, rows, rows.length === limit || bytes >= bytesMax);
	});
	const oldest = db
		.select({ id: events.id, time: events.time })
		.from(events)
		.orderBy(asc(events.id))
		.limit(sql.placeholder("limit"))
		.prepare();

	return {
		range: () => read(range),
		read: (query) => read(() => page.deferred(query)),
		purge: (before, limit) =>
			writer.run({
				needs: {},
				apply() {
					const cut = purgeTo(oldest.all({ limit }), before);
					if (cut === undefined) return 0;
					db.delete(events).where(lte(events.id, cut.rev)).run();
					db.update(logHead).set({ purgedRev: cut.rev }).run();
					return cut.count;
				},
			}),
		onChange: (listener) => signal.onChange(listener),
	};
}
