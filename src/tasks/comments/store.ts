import type { Actor, ChangeContext } from "../../kernel/change-context.ts";
import type { IdempotentRequest } from "../../kernel/idempotency.ts";
import { type InSpace, inSpace, isWithin } from "../../kernel/space.ts";
import { Collection, requireNamed } from "../../kernel/unit-of-work.ts";

/** A comment as both databases store it. */
export interface CommentRow extends InSpace {
	/** The number of the event that added it: the order of lists. */
	readonly seq: number;
	readonly id: string;
	/** The id of the task that it belongs to. */
	readonly task: string;
	readonly body: string;
	readonly createdBy: Actor;
	/** The user who wrote it, by a login or by any access token. */
	readonly userId: string;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
}

/** A deleted task whose comments are still to be removed. */
export interface CommentRemovalRow extends InSpace {
	readonly task: string;
}

export interface CommentReadSet {
	readonly ids?: readonly string[];
	/** Tasks that all their comments go with. */
	readonly tasks?: readonly string[];
}

export interface CommentRows {
	find(id: string): CommentRow | undefined;
	insert(row: CommentRow): void;
	remove(row: CommentRow): void;
	/** Removes all comments of a task that is deleted. There may be very many: their rows go after the commit. */
	removeAllOf(removal: CommentRemovalRow): void;
}

export const comments = new Collection<CommentReadSet, CommentRows>({
	name: "comments",
	nothing: {},
	narrow(rows, { ids = [], tasks = [] }, space) {
		const named = (id: string) => requireNamed(ids.includes(id), "a comment");
		const within = (row: InSpace) => requireNamed(isWithin(space, row), "a comment of another space");
		return {
			find(id) {
				named(id);
				return inSpace(space, rows.find(id));
			},
			insert(row) {
				within(row);
				rows.insert(row);
			},
			remove(row) {
				named(row.id);
				within(row);
				rows.remove(row);
			},
			removeAllOf(removal) {
				requireNamed(tasks.includes(removal.task), "the comments of a task");
				within(removal);
				rows.removeAllOf(removal);
			},
		};
	},
});

interface Change {
	readonly id: string;
	/** The id of the task. */
	readonly task: string;
	/** The user who makes the change, by a login or by an access token. */
	readonly userId: string;
	readonly context: ChangeContext;
	/** By the clock of the server that makes it. */
	readonly now: number;
}

export interface AddComment extends Change {
	readonly body: string;
	readonly idempotent: IdempotentRequest | undefined;
}

export interface RemoveComment extends Change {
	/** Whether the user may remove comments of others. */
	readonly isOwner: boolean;
}

export interface AddedComment {
	/** The comment's canonical body. */
	readonly body: string;
	readonly replayed: boolean;
}

export interface CommentPageQuery extends InSpace {
	/** The id of the task. */
	readonly task: string;
	readonly limit: number;
	/** The page ends with the comment at which the sum of the bodies reaches this. */
	readonly bytesMax: number;
	/** The `seq` of the last row already seen; 0 for the first page. */
	readonly after: number;
}

/** Comments of a task, oldest first. */
export interface CommentPage {
	readonly rows: readonly CommentRow[];
	/** Whether there are rows after the last one. */
	readonly more: boolean;
	/** The number of the log's newest event when the rows were read. */
	readonly rev: number;
}

/** Comments in a database. Throws `unavailable`. */
export interface CommentStore {
	/** Undefined if there is no such task in the space. */
	list(query: CommentPageQuery): Promise<CommentPage | undefined>;
	/** Removes at most `limit` comments of deleted tasks. Returns false if none was left. */
	purge(limit: number): Promise<boolean>;
}
