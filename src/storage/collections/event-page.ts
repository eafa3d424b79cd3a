import type { EventPage, EventQuery, EventRow, LogRange } from "../../events/store.ts";
import { defaultSpace, type UnitSpace } from "../../kernel/space.ts";

/** How many numbers one read examines: a filter that admits nothing must not scan the whole log in one statement. */
export const spanMax = 10_000;

/** In SQL, for either database: whether an event is of a task or of one of its comments, and the id of that task. */
export const isOfTask = "type LIKE 'task.%'";
export const taskOfEvent = "substr(subject, 15, 36)";

/**
 * How many events of one task, or of one space that has an index, one read examines. Not more: Postgres takes those of a
 * task for a two hundredth of the log, and would sort all events of a task that has very many rather than read so many in
 * the order of the index.
 */
export const indexedSpanMax = 1000;

/** Whether an index has the events of a space alone: then a read of them examines no others. */
export function hasIndex(space: UnitSpace): boolean {
	return space !== "every" && space !== defaultSpace;
}

/**
 * The page of a query. `isFull`: its limit or its bytes were reached. `spanEnd`: where an index has the events, the last one
 * that was examined; null if there are no more.
 */
export function eventPage(
	{ space, after, task }: EventQuery,
	{ rev, purgedRev }: LogRange,
	rows: readonly EventRow[],
	isFull: boolean,
	spanEnd: number | null = null,
): EventPage {
	const last = rows.at(-1);
	const isIndexed = task !== undefined || hasIndex(space);
	const end = isIndexed ? (spanEnd ?? rev) : Math.min(rev, Math.max(after, purgedRev) + spanMax);
	const examined = isFull && last !== undefined ? last.id : end;
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
