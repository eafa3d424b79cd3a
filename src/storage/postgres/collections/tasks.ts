import { eq, sql as fragment } from "drizzle-orm";
import { type InSpace, inSpace, type SpaceId } from "../../../kernel/space.ts";
import { tasks as collection, type TaskReadSet } from "../../../tasks/collection.ts";
import {
	byClaimOrder,
	type TaskBlockerRow,
	type TaskCountRow,
	type TaskLabelRow,
	type TaskNumberRow,
	type TaskRevision,
	type TaskRow,
	type TaskStore,
} from "../../../tasks/store.ts";
import { countsByStatus } from "../../collections/task-stats.ts";
import { BatchLoader } from "../batch-loader.ts";
import { databaseNow } from "../clock.ts";
import { type Registration, type StoreContext, unitsFrom } from "../collection.ts";
import type { Fragment, Sql, Tx } from "../connection.ts";
import type { Pool } from "../pool.ts";
import { taskPages } from "./task-lists.ts";
import { TaskNumbers } from "./task-numbers.ts";
import { firstReady } from "./task-ready.ts";
import { TaskGroupRows } from "./task-rows.ts";
import { taskStatements } from "./task-statements.ts";
import {
	taskBlockerTable,
	taskCountTable,
	taskLabelTable,
	taskNumberTable,
	taskTable,
} from "./task-tables.ts";

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
	const { sql } = pool;
	const byId = db
		.select()
		.from(taskTable)
		.where(eq(taskTable.id, fragment.placeholder("id")))
		.prepare("task_by_id");
	const revisions = new BatchLoader((spaces: ReadonlySet<SpaceId>) => currentRevisions(pool, spaces));
	return {
		find: async (space, id) => inSpace(space, (await pool.query(() => byId.execute({ id })))[0]),
		async findAll(space, ids) {
			const found = await pool.query(
				() =>
					sql<
						TaskRow[]
					>`SELECT ${taskStatements.columns(sql)} FROM tasks WHERE id = ANY(${[...ids]}::uuid[])`,
			);
			const byId = new Map(found.map((row) => [row.id, row]));
			return ids.flatMap((id) => inSpace(space, byId.get(id)) ?? []);
		},
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
		async dueInMs() {
			// The first entry of its index.
			const [row] = await pool.query(
				() => sql<{ milliseconds: number | null }[]>`
					SELECT min(defer_until) - ${databaseNow(sql)} AS milliseconds FROM tasks WHERE defer_until IS NOT NULL`,
			);
			return row?.milliseconds ?? undefined;
		},
		async ready(wishes, limit) {
			const states = await pool.query(() => firstReady(sql, wishes, limit));
			return states.toSorted(byClaimOrder);
		},
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
	// Mostly it is one space: without the join a 304 takes a twentieth less.
	const [only, ...others] = spaces;
	if (only !== undefined && others.length === 0) {
		return new Map([[only, await pool.query(() => revisionOf(sql, only))]]);
	}
	const found = await pool.query(
		() => sql<(InSpace & TaskRevision)[]>`
			SELECT wanted.space, ${revision(sql, sql`wanted.space`)}
			FROM unnest(${[...spaces]}::integer[]) AS wanted (space), log_head AS head WHERE one = 1`,
	);
	return new Map(found.map(({ space, rev, tasksRev }) => [space, { rev, tasksRev }]));
}

async function revisionOf(tx: Sql | Tx, space: SpaceId): Promise<TaskRevision> {
	const [found] = await tx<TaskRevision[]>`
		SELECT ${revision(tx, tx`${space}::integer`)} FROM log_head AS head WHERE one = 1`;
	return found ?? noRevision;
}
