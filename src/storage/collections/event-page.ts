import type { EventPage, EventQuery, EventRow, LogRange } from "../../events/store.ts";

/** How many numbers one read examines: a filter that admits nothing must not scan the whole log in one statement. */
export const spanMax = 10_000;

/** In SQL, for either database: whether an event is of a task or of one of its comments, and the id of that task. */
export const isOfTask = "type LIKE 'task.%'";
export const taskOfEvent = "substr(subject, 15, 36)";

/** The page of a query. `isFull`: its limit or its bytes were reached. */
export function eventPage(
	{ after }: EventQuery,
	{ rev, purgedRev }: LogRange,
	rows: readonly EventRow[],
	isFull: boolean,
): EventPage {
	const last = rows.at(-1);
	const examined =
		isFull && last !== undefined ? last.id : Math.min(rev, Math.max(after, purgedRev) + spanMax);
	return { rows, examined, rev, purgedRev };
}

/** Of the oldest events, the last one to remove and how many that are: all up to it are from before the time. */
export function purgeTo(
	oldest: readonly Pick<EventRow, "id" | "time">[],
	before: number,
): { readonly rev: number; readonly count: number } | undefined {
	const young = oldest.findIndex(({ time }) => time >= before);
	const count = young === -1 ? oldest.length : young;
	const last = oldest[count - 1];
	return last && { rev: last.id, count };
}
