import { Elysia } from "elysia";
import { setPrivate } from "../http/conditional-get.ts";
import { queryOf } from "../http/query.ts";
import { contextOf } from "../http/request-context.ts";
import { readQuery } from "../http/validation.ts";
import { canonicalArray, canonicalObject } from "../kernel/canonical.ts";
import { AppError, validationError } from "../kernel/errors.ts";
import type { EventAccess } from "./access.ts";
import type { Broadcaster } from "./broadcaster.ts";
import { cloudEvent } from "./cloud-event.ts";
import { type EventKind, eventFilter } from "./filter.ts";
import { listOperation, tailOperation } from "./operations.ts";
import { EventQuery, TailQuery } from "./schema.ts";
import { type EventPage, type EventStore, epochGap, type LogRange } from "./store.ts";
import { eventStream } from "./stream.ts";

export interface EventRouteDeps {
	/** What a request may see. Throws `unauthorized`, `forbidden`, `not_found`. */
	readonly accessOf: (request: Request) => Promise<EventAccess>;
	readonly events: EventStore;
	readonly broadcaster: Broadcaster;
}

/** Bounds the memory of one page. */
const listBytesMax = 4 * 1024 * 1024;

// Elysia's own parser would split values at commas into lists.
const readListQuery = readQuery(EventQuery);
const readTailQuery = readQuery(TailQuery);

export function eventRoutes({ events, broadcaster, accessOf }: EventRouteDeps) {
	return new Elysia()
		.get(
			"/events",
			async ({ request, set }) => {
				const access = await accessOf(request);
				const { space } = access;
				const { after = 0, limit = 100, task, types } = readListQuery(queryOf(request.url));
				const filter = eventFilter(types, visibleTo(access), space);
				const wanted = { after, limit, bytesMax: listBytesMax, types: filter.types, task };
				const page = await events.read({ space, ...wanted });
				requireKept(after, keptIn(access, page), "/after");
				if (access.isPrivate) setPrivate(set);
				else set.headers["cache-control"] = "no-store";
				return listBody(page);
			},
			{ detail: listOperation },
		)
		.get(
			"/events/tail",
			async ({ request, set }) => {
				const access = await accessOf(request);
				const { space, isPrivate, watch } = access;
				const { last_event_id, types } = readTailQuery(queryOf(request.url));
				const filter = eventFilter(types, visibleTo(access), space);
				const last = lastEventId(request.headers, last_event_id);
				const stream = await closedIfUnavailable(request, async () => {
					const range = keptIn(access, await events.range());
					if (last !== undefined) requireKept(last.id, range, last.path);
					const { rev } = range;
					const cursor = last === undefined ? rev : Math.max(last.id, range.purgedRev);
					const { signal } = request;
					const isResumed = last !== undefined;
					const shown = { tasks: filter.shows("task"), jobs: filter.shows("job") };
					const watched = watch && (() => watch(shown));
					return eventStream(broadcaster, { cursor, isResumed, rev, filter, signal, watch: watched });
				});
				contextOf(request).keepOpen();
				Object.assign(set.headers, streamHeaders);
				if (isPrivate) {
					setPrivate(set);
					set.headers["cache-control"] += ", no-store, no-transform";
				}
				return new Response(stream);
			},
			{ detail: tailOperation },
		);
}

function visibleTo({ tasks, jobs }: EventAccess): readonly EventKind[] {
	return [...(tasks ? (["task"] as const) : []), ...(jobs ? (["job"] as const) : [])];
}

/** The range of a space's log: it begins where the space was made. */
function keptIn({ since }: EventAccess, { rev, purgedRev }: LogRange): LogRange {
	return { rev, purgedRev: Math.max(purgedRev, since) };
}

/** Closes the connection of a stream that gets 503: kept alive, its socket would take as much as the stream. */
async function closedIfUnavailable<T>(request: Request, open: () => Promise<T>): Promise<T> {
	try {
		return await open();
	} catch (error) {
		if (error instanceof AppError && error.code === "unavailable") {
			contextOf(request).headers.connection = "close";
		}
		throw error;
	}
}

/** Proxies must not cache, change or buffer the stream. */
const streamHeaders = {
	"content-type": "text/event-stream",
	"cache-control": "no-store, no-transform",
	"x-accel-buffering": "no",
};

function listBody({ rows, examined }: EventPage): string {
	return canonicalObject({
		items: canonicalArray(rows.map(cloudEvent)),
		kind: '"events"',
		next_after: String(examined),
	});
}

interface LastEventId {
	readonly id: number;
	/** The header or parameter that named it. */
	readonly path: string;
}

/**
 * The last id that the client sent. The header, which `EventSource` sends by itself, wins over the query. An empty one is
 * none: some clients send what they have before their first event.
 */
function lastEventId(headers: Headers, query: string | undefined): LastEventId | undefined {
	const header = headers.get("last-event-id") || undefined;
	const path = header === undefined ? "/last_event_id" : "/Last-Event-ID";
	const text = header ?? query;
	if (text === undefined || text.trim() === "") return undefined;
	if (!/^\d{1,15}$/.test(text)) throw validationError([{ message: "must be the number of an event", path }]);
	return { id: Number(text), path };
}

/**
 * Throws `validation_error` for a number that the log has not reached yet, and `gone` for one whose next events are purged
 * or that belongs to another epoch. 0 always means the beginning.
 */
function requireKept(after: number, { rev, purgedRev }: LogRange, path: string): void {
	if (after === 0 || (after >= purgedRev && after <= rev)) return;
	if (after > rev && after <= rev + epochGap) {
		throw validationError([{ message: "is newer than the newest event", path }]);
	}
	throw new AppError(
		"gone",
		"What came after this event is not kept any more: list again, then tail from X-Event-Id.",
	);
}
