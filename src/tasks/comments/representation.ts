import { canonicalArray, canonicalObject } from "../../kernel/canonical.ts";
import { timestamp } from "../../kernel/clock.ts";
import type { CommentRow } from "./store.ts";

/** A comment's canonical body. The characters of ids, actors and times need no escape. */
export function commentBody(comment: Omit<CommentRow, "seq" | "space" | "userId">): string {
	return canonicalObject({
		body: JSON.stringify(comment.body),
		created_at: `"${timestamp(comment.createdAt)}"`,
		created_by: `"${comment.createdBy}"`,
		id: `"${comment.id}"`,
		task: `"${comment.task}"`,
	});
}

/** A list's canonical body. */
export function commentListBody(rows: readonly CommentRow[], nextCursor: string | undefined): string {
	return canonicalObject({
		items: canonicalArray(rows.map(commentBody)),
		kind: '"comments"',
		next_cursor: nextCursor === undefined ? undefined : JSON.stringify(nextCursor),
	});
}
