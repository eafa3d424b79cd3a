import { eq, sql as fragment } from "drizzle-orm";
import { type InSpace, inSpace, type SpaceId } from "../../../kernel/space.ts";
import {
	tasks as collection,
	type TaskBlockerRow,
	type TaskCountRow,
	type TaskLabelRow,
	type TaskNumberRow,
	type TaskReadSet,
	type TaskRevision,
	type TaskRow,
	type TaskRows,
	type TaskStore,
} from "../../../tasks/store.ts";
import { countsByStatus } from "../../collections/task-stats.ts";
import { BatchLoader } from "../batch-loader.ts";
import { type GroupRows, type Registration, type StoreContext, unitsFrom } from "../collection.ts";
import type { Fragment, Sql, Tx } from "../connection.ts";
import type { HeadOfGroup } from "../head-of-group.ts";
import { IdentityMap } from "../identity-map.ts";
import type { Pool } from "../pool.ts";
import { TableStatements } from "../table-statements.ts";
import { taskPages } from "./task-lists.ts";
import { TaskNumbers } from "./task-numbers.ts";
import {
	taskBlockerTable,
	taskCountTable,
	taskLabelTable,
	taskNumberTable,
	taskTable,
} from "./task-tables.ts";

const taskStatements = new TableStatements(taskTable, {
	key: "id",
	fixed: ["seq", "space", "number", "createdBy", "createdAt"],
	numbered: ["seq", "updatedSeq"],
});

export const tasks = {
	tables: {
		tasks: taskTable,
		taskLabels: taskLabelTable,
		taskBlockers: taskBlockerTable,
		taskCounts: taskCountTable,
		taskNumbers: taskNumberTable,
	},
	units: unitsFrom(collection, ({ pool, epochs }) => {
		const numbers = new TaskNumbers(pool, epochs);
		return {
			rows: () => new TaskGroupRows(numbers),
			prepare: (readSets) => prepareNumbers(numbers, readSets),
			stop: () => numbers.stop(),
		};
	}),
	store: taskStore,
} satisfies Registration<
	TaskStore,
	{
		tasks: TaskRow;
		taskLabels: TaskLabelRow;
		taskBlockers: TaskBlockerRow;
		taskCounts: TaskCountRow;
		taskNumbers: TaskNumberRow;
	}
>;

class TaskGroupRows extends IdentityMap<TaskRow> implements TaskRows, GroupRows<TaskReadSet, TaskRows> {
	readonly rows = this;

	constructor(private readonly numbers: TaskNumbers) {
		super(
			({ id }) => id,
			({ space }) => space,
		);
		numbers.begin();
	}

	async fetch(tx: Tx, readSets: readonly TaskReadSet[]): Promise<void> {
		const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
		if (ids.length === 0) return;
		this.load(
			await tx<TaskRow[]>`SELECT ${taskStatements.columns(tx)} FROM tasks WHERE id = ANY(${ids}::uuid[])`,
		);
	}

	find(id: string): TaskRow | undefined {
		return this.get(id);
	}

	insert(row: TaskRow): void {
		this.add(row);
	}

	update(row: TaskRow): void {
		this.put(row);
	}

	remove(row: TaskRow): void {
		this.delete(row);
	}

	nextNumber(space: SpaceId): number {
		return this.numbers.take(space);
	}

	override keep(): void {
		super.keep();
		this.numbers.keep();
	}

	override undo(): void {
		super.undo();
		this.numbers.undo();
	}

	abandon(): void {
		this.numbers.abandon();
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return taskStatements.write(tx, this.changes());
	}

	insertAfter(sql: Sql, head: HeadOfGroup): readonly Fragment[] {
		return [taskStatements.insert(sql, this.changes().inserted, head)];
	}
}

/** Makes sure of the numbers that the units of a group take. */
function prepareNumbers(numbers: TaskNumbers, readSets: readonly TaskReadSet[]): Promise<void> | undefined {
	const counts = new Map<SpaceId, number>();
	for (const { numbers: wanted } of readSets) {
		if (wanted !== undefined) counts.set(wanted.space, (counts.get(wanted.space) ?? 0) + wanted.count);
	}
	const pending = [...counts].flatMap(([space, count]) => numbers.prepare(space, count) ?? []);
	return pending.length > 0 ? Promise.all(pending).then(() => {}) : undefined;
}

function taskStore({ pool, db }: StoreContext): TaskStore {
	const byId = db
		.select()
		.from(taskTable)
		.where(eq(taskTable.id, fragment.placeholder("id")))
		.prepare("task_by_id");
	const revisions = new BatchLoader((spaces: ReadonlySet<SpaceId>) => currentRevisions(pool, spaces));
	return {
		find: async (space, id) => inSpace(space, (await pool.query(() => byId.execute({ id })))[0]),
		list: taskPages(pool, revisionOf),
		stats: (space) =>
			pool.query(() =>
				pool.snapshot(async (tx) => {
					const [counts, revision] = await Promise.all([
						tx<TaskCountRow[]>`SELECT space, status, count FROM task_counts WHERE space = ${space}`,
						revisionOf(tx, space),
					]);
					return { counts: countsByStatus(counts), revision };
				}),
			),
		revision: async (space) => (await revisions.load(space)).get(space) ?? noRevision,
	};
}

/** The revision of a space, from the log's head, which the statement must have as `head`. */
function revision(sql: Sql | Tx, space: Fragment) {
	return sql`head.rev, coalesce((SELECT rev FROM revisions
		WHERE revisions.space = ${space} AND collection = ${collection.name}), 0) AS "tasksRev"`;
}

const noRevision: TaskRevision = { rev: 0, tasksRev: 0 };

async function currentRevisions(
	pool: Pool,
	spaces: ReadonlySet<SpaceId>,
): Promise<ReadonlyMap<SpaceId, TaskRevision>> {
	const { sql } = pool;
	const found = await pool.query(
		() => sql<(InSpace & TaskRevision)[]>`
			SELECT wanted.space, ${revision(sql, sql`wanted.space`)}
			FROM unnest(${[...spaces]}::integer[]) AS wanted (space), log_head AS head WHERE one = 1`,
	);
	return new Map(found.map(({ space, rev, tasksRev }) => [space, { rev, tasksRev }]));
}

async function revisionOf(tx: Tx, space: SpaceId): Promise<TaskRevision> {
	const [found] = await tx<TaskRevision[]>`
		SELECT ${revision(tx, tx`${space}::integer`)} FROM log_head AS head WHERE one = 1`;
	return found ?? noRevision;
}
