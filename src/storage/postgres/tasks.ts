import { eq, sql as fragment } from "drizzle-orm";
import type { Head, TaskPageQuery, TaskRow, TaskWork } from "../../tasks/store.ts";
import type { TaskReads } from "../task-store.ts";
import { BatchLoader } from "./batch-loader.ts";
import type { Db, Fragment, Sql, Tx } from "./connection.ts";
import { runQuery } from "./errors.ts";
import type { EventAppender } from "./event-appender.ts";
import { IdentityMap } from "./identity-map.ts";
import { tasks } from "./schema.ts";

/** Rows as a group's changes see them. */
export class TaskSet extends IdentityMap<TaskRow> implements Pick<TaskWork, "tasks"> {
	/** The seam that the room's changes use. */
	readonly tasks = this;

	constructor() {
		super(({ id }) => id);
	}

	static async fetch(tx: Tx, ids: readonly string[]): Promise<TaskSet> {
		const set = new TaskSet();
		if (ids.length > 0)
			set.load(await tx<TaskRow[]>`SELECT ${columns(tx)} FROM tasks WHERE id = ANY(${ids}::uuid[])`);
		return set;
	}

	insert(row: TaskRow): void {
		this.put(row);
	}

	update(row: TaskRow): void {
		this.put(row);
	}

	/** Writes rows that nobody had before, in the log's own statement. */
	writeBlind(sql: Sql, log: EventAppender): PromiseLike<unknown> {
		return log.writeBlind(sql, (base) => insert(sql, this.changes().inserted, base));
	}

	write(tx: Tx): PromiseLike<unknown>[] {
		const { inserted, updated, removed } = this.changes();
		const statements: PromiseLike<unknown>[] = [];
		if (removed.length > 0)
			statements.push(tx`DELETE FROM tasks WHERE id = ANY(${removed.map(({ id }) => id)}::uuid[])`);
		if (updated.length > 0) statements.push(update(tx, updated));
		if (inserted.length > 0) statements.push(insert(tx, inserted, tx`0`));
		return statements;
	}
}

/** `base` is what the rows' numbers count from. */
function insert(sql: Sql | Tx, rows: readonly TaskRow[], base: Fragment) {
	return sql`INSERT INTO tasks (seq, id, title, description, version, created_at, updated_at)
		SELECT ${base} + seq, id, title, description, version, created_at, updated_at FROM unnest(
			${rows.map(({ seq }) => seq)}::bigint[],
			${rows.map(({ id }) => id)}::uuid[],
			${rows.map(({ title }) => title)}::text[],
			${rows.map(({ description }) => description)}::text[],
			${rows.map(({ version }) => version)}::integer[],
			${rows.map(({ createdAt }) => createdAt)}::bigint[],
			${rows.map(({ updatedAt }) => updatedAt)}::bigint[]) AS task (
				seq, id, title, description, version, created_at, updated_at)`;
}

function update(tx: Tx, rows: readonly TaskRow[]): PromiseLike<unknown> {
	return tx`UPDATE tasks SET
			title = next.title, description = next.description, version = next.version, updated_at = next.updated_at
		FROM unnest(
			${rows.map(({ id }) => id)}::uuid[],
			${rows.map(({ title }) => title)}::text[],
			${rows.map(({ description }) => description)}::text[],
			${rows.map(({ version }) => version)}::integer[],
			${rows.map(({ updatedAt }) => updatedAt)}::bigint[]) AS next (id, title, description, version, updated_at)
		WHERE tasks.id = next.id`;
}

function columns(sql: Sql | Tx) {
	return sql`seq, id, title, description, version, created_at AS "createdAt", updated_at AS "updatedAt"`;
}

export function taskReads(sql: Sql, db: Db): TaskReads {
	const byId = db
		.select()
		.from(tasks)
		.where(eq(tasks.id, fragment.placeholder("id")))
		.prepare("task_by_id");
	const heads = new BatchLoader<"head", Head>(() => runQuery(() => currentHead(sql)));
	return {
		find: async (id) => (await runQuery(() => byId.execute({ id })))[0],
		async list(query) {
			const found = await runQuery(() => page(sql, query));
			const rows = found.flatMap(({ headRev: _, headTasksRev: __, ...row }) =>
				row.id === null ? [] : [row as TaskRow],
			);
			const head = { rev: found[0]?.headRev ?? 0, tasksRev: found[0]?.headTasksRev ?? 0 };
			return { rows: rows.slice(0, query.limit), more: rows.length > query.limit, head };
		},
		head: () => heads.ask("head"),
	};
}

async function currentHead(sql: Sql): Promise<Head> {
	const [head] = await sql<Head[]>`SELECT rev, tasks_rev AS "tasksRev" FROM log_head WHERE one = 1`;
	if (head === undefined) throw new Error("the log has no head");
	return head;
}

type PageRow = { readonly [Column in keyof TaskRow]: TaskRow[Column] | null } & {
	readonly headRev: number;
	readonly headTasksRev: number;
};

/** One statement, so that rows and number are of one snapshot. An empty page is one row without a task. */
function page(sql: Sql, { order, limit, after }: TaskPageQuery): PromiseLike<PageRow[]> {
	const behind =
		order === "desc"
			? sql`WHERE seq < ${after ?? Number.MAX_SAFE_INTEGER} ORDER BY seq DESC`
			: sql`WHERE seq > ${after ?? 0} ORDER BY seq ASC`;
	return sql<PageRow[]>`
		SELECT head.rev AS "headRev", head.tasks_rev AS "headTasksRev", found.* FROM log_head AS head
		LEFT JOIN LATERAL (SELECT ${columns(sql)} FROM tasks ${behind} LIMIT ${limit + 1}) AS found ON true
		WHERE head.one = 1
		ORDER BY found.seq ${order === "desc" ? sql`DESC` : sql`ASC`}`;
}
