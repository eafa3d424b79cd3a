import { canonicalArray, canonicalObject } from "../kernel/canonical.ts";
import type { TaskRow } from "./store.ts";

/**
 * A task's canonical body. The keys are in the order of RFC 8785, so that plain `JSON.stringify` is enough on the hot
 * path; a test compares it with `canonical()`.
 */
export function taskBody(row: Pick<TaskRow, "description" | "id" | "title" | "version">): string {
	return JSON.stringify({
		description: row.description,
		id: row.id,
		title: row.title,
		version: row.version,
	});
}

/** A list's canonical body. */
export function taskListBody(rows: readonly TaskRow[], nextCursor: string | undefined): string {
	return canonicalObject({
		items: canonicalArray(rows.map(taskBody)),
		kind: '"tasks"',
		next_cursor: nextCursor === undefined ? undefined : JSON.stringify(nextCursor),
	});
}
