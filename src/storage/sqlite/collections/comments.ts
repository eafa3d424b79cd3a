import type { Database } from "bun:sqlite";
import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Actor } from "../../../kernel/change-context.ts";
import type { SpaceId } from "../../../kernel/space.ts";
import {
	type CommentPage,
	type CommentPageQuery,
	type CommentRemovalRow,
	type CommentRow,
	type CommentRows,
	type CommentStore,
	comments as collection,
} from "../../../tasks/comments/store.ts";
import { selection } from "../../table-columns.ts";
import { type Registration, RowsInPlace, type StoreContext, unitsOf } from "../collection.ts";
import { TableStatements } from "../table-statements.ts";

export const commentTable = sqliteTable(
	"comments",
	{
		/** The number of the event that added the comment: in commit order, never reused. */
		seq: integer().primaryKey(),
		id: text().notNull().unique(),
		space: integer().notNull(),
		task: text().notNull(),
		body: text().notNull(),
		createdBy: text("created_by").$type<Actor>().notNull(),
		userId: text("user_id").notNull(),
		createdAt: integer("created_at").notNull(),
	},
	(table) => [
		index("comments_of_task").on(table.task, table.seq),
		// For the removal of a space; comments of `default` cost nothing for it.
		index("comments_in_space").on(table.space).where(sql`space <> 1`),
	],
);

/** Deleted tasks whose comments are still to be removed. */
export const commentRemovalTable = sqliteTable("comment_removals", {
	task: text().primaryKey(),
	space: integer().notNull(),
});

export const comments = {
	tables: { comments: commentTable, commentRemovals: commentRemovalTable },
	units: unitsOf(collection, (database: Database) => new CommentRowsInPlace(database)),
	store: commentStore,
} satisfies Registration<CommentStore, { comments: CommentRow; commentRemovals: CommentRemovalRow }>;

class CommentRowsInPlace extends RowsInPlace implements CommentRows {
	readonly #byId;
	readonly #statements;
	readonly #removeAllOf;

	constructor(database: Database) {
		super();
		this.#byId = database.query<CommentRow, [string]>(
			`SELECT ${selection(commentTable)} FROM comments WHERE id = ?`,
		);
		this.#statements = new TableStatements(database, commentTable, { key: "id", fixed: [] });
		this.#removeAllOf = database.query<never, { task: string; space: SpaceId }>(
			`INSERT INTO comment_removals (task, space)
				SELECT $task, $space WHERE EXISTS (SELECT 1 FROM comments WHERE task = $task)`,
		);
	}

	find(id: string): CommentRow | undefined {
		return this.#byId.get(id) ?? undefined;
	}

	insert(row: CommentRow): void {
		this.wrote(row);
		this.#statements.insert(row);
	}

	remove(row: CommentRow): void {
		this.wrote(row);
		this.#statements.remove(row);
	}

	removeAllOf({ task, space }: CommentRemovalRow): void {
		this.wrote({ space });
		this.#removeAllOf.run({ task, space });
	}
}

function commentStore({ database, run, read }: StoreContext): CommentStore {
	const head = database.query<{ rev: number }, { task: string; space: SpaceId }>(
		"SELECT rev FROM log_head WHERE EXISTS (SELECT 1 FROM tasks WHERE id = $task AND space = $space)",
	);
	const next = database.query<CommentRow, { task: string; after: number; limit: number }>(
		`SELECT ${selection(commentTable)} FROM comments WHERE task = $task AND seq > $after ORDER BY seq LIMIT $limit`,
	);
	// One transaction, so that rows and number are of one snapshot. Row by row, so that no unneeded row is read.
	const page = database.transaction((query: CommentPageQuery): CommentPage | undefined => {
		const { space, task, after, limit, bytesMax } = query;
		const found = head.get({ task, space });
		if (found === null) return undefined;
		const rows: CommentRow[] = [];
		let bytes = 0;
		for (const row of next.iterate({ task, after, limit: limit + 1 })) {
			if (rows.length === limit || bytes >= bytesMax) return { rows, more: true, rev: found.rev };
			rows.push(row);
			bytes += Buffer.byteLength(row.body);
		}
		return { rows, more: false, rev: found.rev };
	});
	const removal = database.query<{ task: string }, []>("SELECT task FROM comment_removals LIMIT 1");
	const removeSome = database.query<never, { task: string; limit: number }>(
		"DELETE FROM comments WHERE seq IN (SELECT seq FROM comments WHERE task = $task LIMIT $limit)",
	);
	const endRemoval = database.query<never, [string]>("DELETE FROM comment_removals WHERE task = ?");

	/** Of one task. */
	function purge(limit: number): boolean {
		const found = removal.get();
		if (found === null) return false;
		const { task } = found;
		if (removeSome.run({ task, limit }).changes < limit) endRemoval.run(task);
		return true;
	}

	return {
		list: (query) => read(() => page.deferred(query)),
		async purge(limit) {
			if ((await read(() => removal.get())) === null) return false;
			return run({ reads: [], weight: limit, decide: () => purge(limit) });
		},
	};
}
