import { sql as fragment } from "drizzle-orm";
import { bigint, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { EventQuery, EventRow, EventStore, LogRange } from "../../../events/store.ts";
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
import type { Registration, StoreContext } from "../collection.ts";
import type { Fragment, Sql } from "../connection.ts";
import { instanceOf } from "../log-epoch.ts";
import type { Pool } from "../pool.ts";
import { TableStatements } from "../table-statements.ts";

export const eventTable = pgTable(
	"events",
	{
		id: bigint({ mode: "number" }).primaryKey(),
		type: text().$type<EventType>().notNull(),
		subject: text().notNull(),
		/** The resource after the change, as canonical JSON. */
		data: text().notNull(),
		requestId: text("request_id").notNull(),
		time: bigint({ mode: "number" }).notNull(),
		/** Null in events of versions that recorded none. */
		actor: text().$type<Actor>(),
		space: integer().notNull().default(defaultSpace),
		/** Whether the task is ready after it, 1 or 0; null in events that have no task's body. */
		ready: integer(),
		/** Of `task.released` alone. */
		reason: text().$type<ReleaseReason>(),
		/** Of `task.claimed` alone. */
		expiresAt: bigint("expires_at", { mode: "number" }),
	},
	(table) => [
		// An expression and not a column, which the events of earlier versions would not have.
		index("events_of_task").on(fragment.raw(taskOfEvent), table.id).where(fragment.raw(isOfTask)),
		// Events of `default` cost nothing for it, and are read by their numbers.
		index("events_in_space").on(table.space, table.id).where(fragment`space <> 1`),
	],
);

/**
 * One row. Every writer locks it until its commit, which puts event numbers in commit order. Every statement finds it by
 * its key: a long snapshot leaves the table with thousands of pages, which no vacuum gives back.
 */
export const logHeadTable = pgTable("log_head", {
	one: integer().primaryKey(),
	/** The newest event's number. */
	rev: bigint({ mode: "number" }).notNull(),
	/** The number of the newest event that retention has removed; 0 if none. */
	purgedRev: bigint("purged_rev", { mode: "number" }).notNull(),
});

/** For each collection that has a revision, and each space, the number of the log at its last change. */
export const revisionTable = pgTable(
	"revisions",
	{
		space: integer().notNull().default(defaultSpace),
		collection: text().notNull(),
		rev: bigint({ mode: "number" }).notNull(),
	},
	(table) => [primaryKey({ columns: [table.space, table.collection] })],
);

/** The events themselves are written by the log's appender. */
export const eventStatements = new TableStatements(eventTable, {
	key: "id",
	fixed: [],
	numbered: ["id"],
	json: ["data"],
});

export const events = {
	tables: { events: eventTable, logHead: logHeadTable, revisions: revisionTable },
	store: eventStore,
} satisfies Registration<EventStore>;

function eventStore({ pool, epochs, notifier }: StoreContext): EventStore {
	const { sql } = pool;

	/** On an unchecked server the log may have to begin a new epoch: checks the server, then runs the query again. */
	async function onCheckedServer<Row extends OnServer>(
		query: () => PromiseLike<Row[]>,
	): Promise<[Row, Row[]]> {
		let rows = await pool.query(query);
		if (rows[0]?.instance !== epochs.instance) {
			await pool.query(() => epochs.check());
			rows = await pool.query(query);
		}
		const [head] = rows;
		if (head === undefined) throw new Error("the log has no head");
		return [head, rows];
	}

	return {
		async range() {
			const [{ rev, purgedRev }] = await onCheckedServer(() => logRange(sql));
			return { rev, purgedRev };
		},
		async read(query) {
			const [head, found] = await onCheckedServer(() => page(sql, query));
			const events = found.flatMap((row) => (row.id === null ? [] : [row]));
			const rows = events.map(({ rev, purgedRev, instance, spanEnd, bytes, ...event }) => event);
			const isFull = rows.length === query.limit || (events.at(-1)?.bytes ?? 0) >= query.bytesMax;
			return eventPage(query, head, rows, isFull, head.spanEnd);
		},
		purge: (before, limit) => pool.query(() => purge(pool, before, limit)),
		onChange: (listener) => notifier.onChange(listener),
	};
}

/** Identifies the server that a statement ran on. */
interface OnServer {
	readonly instance: number;
}

function logRange(sql: Sql): PromiseLike<(LogRange & OnServer)[]> {
	return sql<(LogRange & OnServer)[]>`
		SELECT rev, purged_rev AS "purgedRev", ${instanceOf(sql)} AS instance FROM log_head WHERE one = 1`;
}

/** A row of the page's statement: the log's range with each event, or alone if there is no event. */
type PageRow = LogRange &
	OnServer & {
		/** Where an index has the events, the last one that is examined; null if there are no more. */
		readonly spanEnd: number | null;
	} & (
		| { readonly id: null }
		| (EventRow & {
				/** The bytes of data on this page up to this event, included. */
				readonly bytes: number;
		  })
	);

/**
 * One statement, so that events and range are of one snapshot. The number of events that fit follows from their lengths,
 * which Postgres knows without fetching TOASTed values; only those that fit are read.
 */
function page(sql: Sql, query: EventQuery): PromiseLike<PageRow[]> {
	const { after, types, limit, bytesMax } = query;
	const from = sql`GREATEST(${after}::bigint, (SELECT purged_rev FROM log_head WHERE one = 1))`;
	const spanEnd = endOfSpan(sql, query, from);
	return sql<PageRow[]>`
		SELECT head.rev, head.purged_rev AS "purgedRev", ${instanceOf(sql)} AS instance, ${spanEnd} AS "spanEnd",
			found.*, fit.bytes
		FROM log_head AS head
		LEFT JOIN (
			SELECT id, bytes FROM (
				SELECT id, length, sum(length) OVER (ORDER BY id) AS bytes FROM (
					SELECT id, octet_length(data) AS length FROM events
					WHERE id > ${from} AND ${within(sql, query, from, spanEnd)} AND type = ANY(${types as string[]}::text[])
					ORDER BY id LIMIT ${limit}
				) AS next
			) AS sized WHERE bytes - length < ${bytesMax}
		) AS fit ON true
		LEFT JOIN (
			SELECT ${eventStatements.columns(sql)}, CASE WHEN space <> ${defaultSpace} THEN (
				SELECT name FROM spaces WHERE spaces.id = events.space) END AS "spaceName" FROM events
		) AS found ON found.id = fit.id
		WHERE head.one = 1
		ORDER BY fit.id`;
}

/** The space or the task, and how far a read examines the log. */
function within(sql: Sql, { space, task }: EventQuery, from: Fragment, spanEnd: Fragment) {
	const toSpanEnd = sql`id <= COALESCE(${spanEnd}, ${Number.MAX_SAFE_INTEGER}::bigint)`;
	if (task !== undefined) {
		const inSpace = space === "every" ? sql`` : sql`AND space = ${space}`;
		return sql`${ofTask(sql, task)} ${inSpace} AND ${toSpanEnd}`;
	}
	const span = sql`id <= ${from} + ${spanMax}::bigint`;
	if (space === "every") return span;
	return hasIndex(space) ? sql`${ofSpace(sql, space)} AND ${toSpanEnd}` : sql`${span} AND space = ${space}`;
}

function ofTask(sql: Sql, task: string) {
	return sql`${sql.unsafe(`${isOfTask} AND ${taskOfEvent}`)} = ${task}`;
}

/** The last event that a read by an index examines; null if there are no more, and without an index. */
function endOfSpan(sql: Sql, { space, task }: EventQuery, from: Fragment) {
	if (task === undefined && (space === "every" || !hasIndex(space))) return sql`NULL::bigint`;
	const indexed = task === undefined ? ofSpace(sql, space) : ofTask(sql, task);
	return sql`(SELECT id FROM events WHERE ${indexed} AND id > ${from} ORDER BY id OFFSET ${indexedSpanMax - 1} LIMIT 1)`;
}

/** The condition on `default` lets Postgres use the index of the others. */
function ofSpace(sql: Sql, space: UnitSpace) {
	return sql`space = ${space} AND space <> ${sql.unsafe(String(defaultSpace))}`;
}

/** The head row, which every writer needs, is locked last, and only for the commit. */
function purge(pool: Pool, before: number, limit: number): Promise<number> {
	return pool.begin(async (tx) => {
		const oldest = await tx<
			Pick<EventRow, "id" | "time">[]
		>`SELECT id, time FROM events ORDER BY id LIMIT ${limit}`;
		const cut = purgeTo(oldest, before);
		if (cut === undefined) return 0;
		await tx`DELETE FROM events WHERE id <= ${cut.rev}`;
		await tx`UPDATE log_head SET purged_rev = GREATEST(purged_rev, ${cut.rev}::bigint) WHERE one = 1`;
		return cut.count;
	});
}
