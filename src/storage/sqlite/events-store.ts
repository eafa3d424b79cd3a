import type { Database } from "bun:sqlite";
import { asc, lte, sql } from "drizzle-orm";
import type { EventStore } from "../../events/store.ts";
import { eventPage, type PageRow, purgeTo, spanMax } from "../event-page.ts";
import type { Writer } from "../writer.ts";
import { type Db, read } from "./database.ts";
import type { CommitSignal } from "./events-signal.ts";
import { events, logHead } from "./schema.ts";

type PageParameters = { after: number; types: string; limit: number; bytesMax: number };

export function eventStore(database: Database, db: Db, writer: Writer, signal: CommitSignal): EventStore {
	const ends = db.select({ rev: logHead.rev, purgedRev: logHead.purgedRev }).from(logHead).prepare();
	// One statement, so that events and ends are of one moment. The sum of bytes needs no data: lengths are in the
	// rows' headers.
	const page = database.query<PageRow, PageParameters>(`
		SELECT head.rev, head.purged_rev AS "purgedRev", found.* FROM log_head AS head
		LEFT JOIN (
			SELECT id, type, subject, data, request_id AS "requestId", time, bytes FROM (
				SELECT *, sum(octet_length(data)) OVER (ORDER BY id) AS bytes FROM (
					SELECT * FROM events
					WHERE id > max($after, (SELECT purged_rev FROM log_head))
						AND id <= max($after, (SELECT purged_rev FROM log_head)) + ${spanMax}
						AND type IN (SELECT value FROM json_each($types))
					ORDER BY id LIMIT $limit
				)
			) WHERE bytes - octet_length(data) < $bytesMax
		) AS found ON true
		ORDER BY found.id`);
	const oldest = db
		.select({ id: events.id, time: events.time })
		.from(events)
		.orderBy(asc(events.id))
		.limit(sql.placeholder("limit"))
		.prepare();

	return {
		ends: () =>
			read(() => {
				const found = ends.get();
				if (found === undefined) throw new Error("the log has no head");
				return found;
			}),
		read: (query) =>
			read(() => {
				const { after, limit, bytesMax } = query;
				const types = JSON.stringify(query.types);
				return eventPage(query, page.all({ after, limit, bytesMax, types }));
			}),
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
