import { sql as fragment } from "drizzle-orm";
import { bigint, index, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import type { Actor } from "../../../kernel/change-context.ts";
import {
	type CommentPageQuery,
	type CommentReadSet,
	type CommentRemovalRow,
	type CommentRow,
	type CommentRows,
	type CommentStore,
	comments as collection,
} from "../../../tasks/comments/store.ts";
import { type GroupRows, type Registration, type StoreContext, unitsOf } from "../collection.ts";
import type { Sql, Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import { TableStatements } from "../table-statements.ts";

export const commentTable = pgTable(
	"comments",
	{
		/** The number of the event that added the comment: in commit order, never reused. */
		seq: bigint({ mode: "number" }).primaryKey(),
		id: uuid().notNull().unique(),
		space: integer().notNull(),
		task: uuid().notNull(),
		body: text().notNull(),
		createdBy: text("created_by").$type<Actor>().notNull(),
		userId: uuid("user_id").notNull(),
		createdAt: bigint("created_at", { mode: "number" }).notNull(),
	},
	(table) => [
		index("comments_of_task").on(table.task, table.seq),
		// For the removal of a space; comments of `default` cost nothing for it.
		index("comments_in_space").on(table.space).where(fragment`space <> 1`),
	],
);

/** Deleted tasks whose comments are still to be removed. */
export const commentRemovalTable = pgTable("comment_removals", {
	task: uuid().primaryKey(),
	space: integer().notNull(),
});

const commentStatements = new TableStatements(commentTable, { key: "id", fixed: [] });

export const comments = {
	tables: { comments: commentTable, commentRemovals: commentRemovalTable },
	units: unitsOf(collection, () => new CommentGroupRows()),
	store: commentStore,
} satisfies Registration<CommentStore, { comments: CommentRow; commentRemovals: CommentRemovalRow }>;

class CommentGroupRows
	extends IdentityMap<CommentRow>
	implements CommentRows, GroupRows<CommentReadSet, CommentRows>
{
	readonly rows = this;
	readonly #removals: CommentRemovalRow[] = [];
	#keptRemovals = 0;

	constructor() {
		super(
			({ id }) => id,
			({ space }) => space,
		);
	}

	async fetch(tx: Tx, readSets: readonly CommentReadSet[]): Promise<void> {
		const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
		if (ids.length === 0) return;
		this.load(
			await tx<CommentRow[]>`SELECT ${commentStatements.columns(tx)} FROM comments
				WHERE id = ANY(${ids}::uuid[])`,
		);
	}

	find(id: string): CommentRow | undefined {
		return this.get(id);
	}

	insert(row: CommentRow): void {
		this.add(row);
	}

	remove(row: CommentRow): void {
		this.delete(row);
	}

	removeAllOf(removal: CommentRemovalRow): void {
		this.#removals.push(removal);
	}

	override keep(): void {
		super.keep();
		this.#keptRemovals = this.#removals.length;
	}

	override undo(): void {
		super.undo();
		this.#removals.length = this.#keptRemovals;
	}

	/** The removals come last: they are of the comments too that the group has added. */
	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return [
			...commentStatements.write(tx, this.changes()),
			...(this.#removals.length > 0
				? [
						tx`INSERT INTO comment_removals (task, space)
							SELECT task, space FROM unnest(
								${this.#removals.map(({ task }) => task)}::uuid[],
								${this.#removals.map(({ space }) => space)}::integer[]) AS removal (task, space)
							WHERE EXISTS (SELECT FROM comments WHERE comments.task = removal.task)`,
					]
				: []),
		];
	}
}

function commentStore({ pool }: StoreContext): CommentStore {
	const { sql } = pool;
	return {
		async list(query) {
			const found = await pool.query(() => page(sql, query));
			const [first] = found;
			if (first === undefined) return undefined;
			const rows = found.flatMap(({ rev: _, count: __, ...row }) =>
				row.seq === null ? [] : [row as CommentRow],
			);
			return { rows, more: rows.length < (first.count ?? 0), rev: first.rev };
		},
		async purge(limit) {
			const some = await pool.query(() => sql`SELECT FROM comment_removals LIMIT 1`);
			if (some.length > 0) await pool.query(() => pool.begin((tx) => removeSome(tx, limit)));
			return some.length > 0;
		},
	};
}

type PageRow = { readonly [Column in keyof CommentRow]: CommentRow[Column] | null } & {
	readonly rev: number;
	/** How many comments there are after the place, counted to one more than the limit. */
	readonly count: number | null;
};

/**
 * One statement, so that rows and number are of one snapshot. An empty page is one row without a comment, no row is no
 * task. The number of comments that fit follows from their lengths; only those that fit are read.
 */
function page(sql: Sql, { space, task, after, limit, bytesMax }: CommentPageQuery): PromiseLike<PageRow[]> {
	return sql<PageRow[]>`
		SELECT head.rev, fit.count, found.* FROM log_head AS head
		JOIN tasks ON tasks.id = ${task} AND tasks.space = ${space}
		LEFT JOIN (
			SELECT seq, count FROM (
				SELECT seq, length, sum(length) OVER (ORDER BY seq) AS bytes, row_number() OVER (ORDER BY seq) AS place,
					count(*) OVER () AS count
				FROM (
					SELECT seq, octet_length(body) AS length FROM comments WHERE task = ${task} AND seq > ${after}
					ORDER BY seq LIMIT ${limit + 1}
				) AS next
			) AS sized WHERE bytes - length < ${bytesMax} AND place <= ${limit}
		) AS fit ON true
		LEFT JOIN (SELECT ${commentStatements.columns(sql)} FROM comments) AS found ON found.seq = fit.seq
		WHERE head.one = 1
		ORDER BY fit.seq`;
}

/** Of one task. Another server that removes at the same time takes another task, or none. */
async function removeSome(tx: Tx, limit: number): Promise<void> {
	const [removal] = await tx<
		CommentRemovalRow[]
	>`SELECT task, space FROM comment_removals LIMIT 1 FOR UPDATE SKIP LOCKED`;
	if (removal === undefined) return;
	const { task } = removal;
	const removed = await tx`DELETE FROM comments WHERE seq IN (
		SELECT seq FROM comments WHERE task = ${task} LIMIT ${limit})`;
	if (removed.count < limit) await tx`DELETE FROM comment_removals WHERE task = ${task}`;
}
