import type { TaskReadSet } from "../../../tasks/collection.ts";
import { byClaimOrder, type ClaimWish, type TaskRow, type TaskState } from "../../../tasks/store.ts";
import { claimOrder, isReadySql, listOf } from "../../collections/tasks.ts";
import type { Fragment, Sql, Tx } from "../connection.ts";
import { stateColumns } from "./task-graph.ts";
import { taskStatements } from "./task-statements.ts";

/** Ready tasks that claims look for one after the other: those of one assignee, or of none, with a label or whatever theirs. */
export interface ReadyQueue {
	readonly space: number;
	readonly label: string | null;
	readonly assignee: string | null;
}

interface Wanted extends ReadyQueue {
	/** How many of its first tasks are read. */
	readonly limit: number;
}

/**
 * The first ready tasks, as far as a group of units may claim them. Each unit takes one, and others may take or change
 * tasks by their ids, so as many are fetched. Where even more of them are gone, what comes next is not known.
 */
export class ReadyTasks {
	/** The last task that was fetched of a queue that may have more. */
	readonly #ends = new Map<string, TaskRow>();

	async fetch(tx: Tx, readSets: readonly TaskReadSet[]): Promise<readonly TaskRow[]> {
		const wishes = readSets.flatMap(({ next }) => next ?? []);
		if (wishes.length === 0) return [];
		const others = readSets.reduce((sum, { ids = [] }) => sum + ids.length, 0);
		const queues = wantedQueues(wishes, others);
		const parts = Map.groupBy(queues, partOf);
		const columns = taskStatements.columns(tx);
		const found = await Promise.all(
			[...parts.values()].map((part) => tx<TaskRow[]>`SELECT ${columns} FROM ${firstOf(tx, part)}`),
		);
		const rows = unique(found.flat());
		for (const queue of queues)
			this.#noteEnd(queue, rows.filter((row) => isOf(queue, row)).sort(byClaimOrder));
		return rows;
	}

	/** Whether the database may have a task that fits and comes before this one, which is the first of those in memory. */
	mayHaveBefore(wish: ClaimWish, first: TaskState | undefined): boolean {
		return queuesOf(wish).some((queue) => {
			const end = this.#ends.get(keyOf(queue));
			return end !== undefined && (first === undefined || byClaimOrder(first, end) > 0);
		});
	}

	#noteEnd(queue: Wanted, rows: readonly TaskRow[]): void {
		const last = rows[queue.limit - 1];
		if (last !== undefined) this.#ends.set(keyOf(queue), last);
	}
}

function queuesOf({ space, label: wanted, holder }: ClaimWish): readonly ReadyQueue[] {
	const label = wanted ?? null;
	return [
		{ space, label, assignee: null },
		{ space, label, assignee: holder },
	];
}

function wantedQueues(wishes: readonly ClaimWish[], others: number): readonly Wanted[] {
	const byKey = Map.groupBy(wishes.flatMap(queuesOf), keyOf);
	return [...byKey.values()].flatMap((same) =>
		same.slice(0, 1).map((queue) => ({ ...queue, limit: others + same.length })),
	);
}

function keyOf({ space, label, assignee }: ReadyQueue): string {
	return JSON.stringify([space, label, assignee]);
}

function isOf({ space, label, assignee }: ReadyQueue, row: TaskRow): boolean {
	return (
		row.space === space && row.assignee === assignee && (label === null || listOf(row.labels).includes(label))
	);
}

/** The states of the first ready tasks of each wish. */
export async function firstReady(
	sql: Sql,
	wishes: readonly ClaimWish[],
	limit: number,
): Promise<readonly TaskState[]> {
	const queues = new Map(wishes.flatMap(queuesOf).map((queue) => [keyOf(queue), { ...queue, limit }]));
	const parts = Map.groupBy(queues.values(), partOf);
	const columns = sql.unsafe(stateColumns);
	const found = await Promise.all(
		[...parts.values()].map((part) => sql<TaskState[]>`SELECT ${columns} FROM ${firstOf(sql, part)}`),
	);
	return unique(found.flat());
}

/** A task may be in several queues. */
function unique<Task extends TaskState>(tasks: readonly Task[]): readonly Task[] {
	return [...new Map(tasks.map((task) => [task.id, task])).values()];
}

/** Queues of a part are read by one statement: all have a label or none has one, and likewise an assignee. */
function partOf({ label, assignee }: ReadyQueue): string {
	return `${label === null} ${assignee === null}`;
}

/**
 * The first entries of tasks_ready, or of task_labels_ready, for each queue of a part, without a sort. The assignee is in
 * the order, and no equality makes it superfluous there: so Postgres takes no index without the assignee, in which it
 * would pass over all that others are to do. LIMIT 1 keeps it from reading all tasks for a few, because it cannot know how
 * many rows a limit in a row leaves.
 */
export function firstOf(sql: Sql | Tx, queues: readonly Wanted[]): Fragment {
	const isLabelled = queues[0]?.label !== null;
	const assignee =
		queues[0]?.assignee === null
			? sql`assignee IS NULL`
			: sql`assignee >= queue.of_assignee AND assignee <= queue.of_assignee`;
	const from = isLabelled
		? sql`task_labels WHERE label = queue.of_label AND ready = 1`
		: sql`tasks WHERE ${sql.unsafe(isReadySql)}`;
	return sql`unnest(
			${queues.map(({ space }) => space)}::integer[],
			${queues.map(({ label }) => label ?? "")}::text[],
			${queues.map((queue) => queue.assignee ?? "")}::text[],
			${queues.map(({ limit }) => limit)}::integer[]) AS queue (of_space, of_label, of_assignee, count)
		CROSS JOIN LATERAL (
			SELECT seq FROM ${from} AND space = queue.of_space AND ${assignee}
			ORDER BY assignee, ${sql.unsafe(claimOrder)} LIMIT queue.count) AS first (task_seq)
		CROSS JOIN LATERAL (SELECT * FROM tasks WHERE tasks.seq = first.task_seq LIMIT 1) AS tasks`;
}
