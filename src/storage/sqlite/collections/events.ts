import { asc, lte, sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { EventPage, EventQuery, EventRow, EventStore, LogRange } from "../../../events/store.ts";
import type { Actor } from "../../../kernel/change-context.ts";
import type { EventType, ReleaseReason } from "../../../kernel/event-draft.ts";
import { defaultSpace, type UnitSpace } from "../../../kernel/space.ts";
import {
	eventPage,
	hasIndex,
	indexedSpanMax,
	isOfTask,
	purgeTo,
	spanMax,
	taskOfEvent,
} from "../../collections/event-page.ts";
import { selection } from "../../table-columns.ts";
import type { Registration, StoreContext } from "../collection.ts";

export const eventTable = sqliteTable(
	"events",
	{
		id: integer().primaryKey(),
		type: text().$type<EventType>().notNull(),
		subject: text().notNull(),
		/** The resource after the change, as canonical JSON. */
		data: text().notNull(),
		requestId: text("request_id").notNull(),
		time: integer().notNull(),
		/** Null in events of versions that recorded none. */
		actor: text().$type<Actor>(),
		space: integer().notNull().default(defaultSpace),
		/** Whether the task is ready after it, 1 or 0; null in events that have no task's body. */
		ready: integer(),
		/** Of `task.released` alone. */
		reason: text().$type<ReleaseReason>(),
		/** Of `task.claimed` alone. */
		expiresAt: integer("expires_at"),
	},
	(table) => [
		// An expression and not a column, which the events of earlier versions would not have.
		index("events_of_task").on(sql.raw(taskOfEvent), table.id).where(sql.raw(isOfTask)),
		// Events of `default` cost nothing for it, and are read by their numbers.
		index("events_in_space").on(table.space, table.id).where(sql`space <> 1`),
	],
);

/** One row. Every writer locks it until its commit, which puts event numbers in commit order. */
export const logHeadTable = sqliteTable("log_head", {
	one: integer().primaryKey(),
	/** The newest event's number. */
	rev: integer().notNull(),
	/** The number of the newest event that retention has removed; 0 if none. */
	purgedRev: integer("purged_rev").notNull(),
});

/** For each collection that has a revision, and each space, the number of the log at its last change. */
export const revisionTable = sqliteTable(
	"revisions",
	{
		space: integer().notNull().default(defaultSpace),
		collection: text().notNull(),
		rev: integer().notNull(),
	},
	(table) => [primaryKey({ columns: [table.space, table.collection] })],
);

export const events = {
	tables: { events: eventTable, logHead: logHeadTable, revisions: revisionTable },
	store: eventStore,
} satisfies Registration<EventStore>;

const spaceName = `CASE WHEN space <> ${defaultSpace} THEN (SELECT name FROM spaces WHERE spaces.id = events.space) END`;

type NextParameters = { space: number; after: number; to: number; types: string; limit: number };

function eventStore({ database, db, run, read, notifier }: StoreContext): EventStore {
	const readRange = database.query<LogRange, []>(`SELECT rev, purged_rev AS "purgedRev" FROM log_head`);
	const next = (condition: string) =>
		database.query<EventRow, NextParameters>(`
			SELECT ${selection(eventTable)}, ${spaceName} AS spaceName FROM events
			WHERE ${condition} AND id > $after AND id <= $to AND type IN (SELECT value FROM json_each($types))
			ORDER BY id LIMIT $limit`);
	const nextOfAll = next("$space >= 0");
	const nextOfDefault = next("space = $space");
	// The condition on `default` makes SQLite use the index of the others.
	const nextOfSpace = next(`space = $space AND space <> ${defaultSpace}`);

	const ofTask = `FROM events INDEXED BY events_of_task WHERE ${isOfTask} AND ${taskOfEvent} = $task AND id > $after`;
	const nextOfTask = database.query<EventRow, NextParameters & { task: string }>(`
		SELECT ${selection(eventTable)}, ${spaceName} AS spaceName ${ofTask}
			AND id <= $to AND $space IN (0, space) AND type IN (SELECT value FROM json_each($types))
		ORDER BY id LIMIT $limit`);
	const spanOfTask = database.query<{ id: number }, { task: string; after: number }>(
		`SELECT id ${ofTask} ORDER BY id LIMIT 1 OFFSET ${indexedSpanMax - 1}`,
	);
	const spanOfSpace = database.query<{ id: number }, { space: number; after: number }>(`SELECT id FROM events
		WHERE space = $space AND space <> ${defaultSpace} AND id > $after
		ORDER BY id LIMIT 1 OFFSET ${indexedSpanMax - 1}`);

	/** The last event that a read by an index examines; null if there are no more, and without an index. */
	function endOfSpan({ space, task }: EventQuery, after: number): number | null {
		if (task !== undefined) return spanOfTask.get({ task, after })?.id ?? null;
		if (space === "every" || !hasIndex(space)) return null;
		return spanOfSpace.get({ space, after })?.id ?? null;
	}

	function nextOf(space: UnitSpace) {
		if (space === "every") return nextOfAll;
		return hasIndex(space) ? nextOfSpace : nextOfDefault;
	}

	function range(): LogRange {
		const found = readRange.get();
		if (found === null) throw new Error("the log has no head");
		return found;
	}
	// One transaction, so that events and range are of one snapshot. Row by row, so that no unneeded row is read.
	const page = database.transaction((query: EventQuery): EventPage => {
		const { limit, bytesMax, task } = query;
		const now = range();
		const after = Math.max(query.after, now.purgedRev);
		const rows: EventRow[] = [];
		let bytes = 0;
		const types = JSON.stringify(query.types);
		const space = query.space === "every" ? 0 : query.space;
		const spanEnd = endOfSpan(query, after);
		const to = task !== undefined || hasIndex(query.space) ? (spanEnd ?? now.rev) : after + spanMax;
		const wanted = { space, after, to, types, limit };
		const found =
			task === undefined ? nextOf(query.space).iterate(wanted) : nextOfTask.iterate({ ...wanted, task });
		for (const row of found) {
			rows.push(row);
			bytes += Buffer.byteLength(row.data);
			if (bytes >= bytesMax) break;
		}
		return eventPage(query, now, rows, rows.length === limit || bytes >= bytesMax, spanEnd);
	});
	const oldest = db
		.select({ id: eventTable.id, time: eventTable.time })
		.from(eventTable)
		.orderBy(asc(eventTable.id))
		.limit(sql.placeholder("limit"))
		.prepare();

	return {
		range: () => read(range),
		read: (query) => read(() => page.deferred(query)),
		purge: (before, limit) =>
			run({
				reads: [],
				decide() {
					const cut = purgeTo(oldest.all({ limit }), before);
					if (cut === undefined) return 0;
					db.delete(eventTable).where(lte(eventTable.id, cut.rev)).run();
					db.update(logHeadTable).set({ purgedRev: cut.rev }).run();
					return cut.count;
				},
			}),
		onChange: (listener) => notifier.onChange(listener),
	};
}
