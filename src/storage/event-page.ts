import type { EventPage, EventQuery, EventRow, LogEnds } from "../events/store.ts";

/** Numbers that one read looks at: a filter that nothing passes must not walk the whole log in one statement. */
export const spanMax = 20_000;

/** A row of the page's statement: the log's ends with each event, or alone where there is none. */
export type PageRow = LogEnds &
	(
		| { readonly id: null }
		| (EventRow & {
				/** The bytes of data on this page, this event's included. */
				readonly bytes: number;
		  })
	);

/** The answer to a query from the rows of its statement, which are in order. */
export function eventPage({ after, limit, bytesMax }: EventQuery, found: readonly PageRow[]): EventPage {
	const [head] = found;
	if (head === undefined) throw new Error("the log has no head");
	const { rev, purgedRev } = head;
	const events = found.flatMap((row) => (row.id === null ? [] : [row]));
	const last = events.at(-1);
	const isFull = last !== undefined && (events.length === limit || last.bytes >= bytesMax);
	const examined = isFull ? last.id : Math.min(rev, Math.max(after, purgedRev) + spanMax);
	const rows = events.map(({ id, type, subject, data, requestId, time }) => {
		return { id, type, subject, data, requestId, time };
	});
	return { rows, examined, rev, purgedRev };
}

/** Of the oldest events, the number of the last one that may go: those before it are all from before the time. */
export function purgeTo(
	oldest: readonly Pick<EventRow, "id" | "time">[],
	before: number,
): { readonly rev: number; readonly count: number } | undefined {
	const young = oldest.findIndex(({ time }) => time >= before);
	const count = young === -1 ? oldest.length : young;
	const last = oldest[count - 1];
	return last && { rev: last.id, count };
}
