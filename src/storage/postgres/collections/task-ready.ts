import {
	byClaimOrder,
	type ClaimWish,
	type TaskReadSet,
	type TaskRow,
	type TaskState,
} from "../../../tasks/store.ts";
import { claimOrder, isReadySql, listOf } from "../../collections/tasks.ts";
import type { Fragment, Sql, Tx } from "../connection.ts";
import { stateColumns } from "./task-graph.ts";
import { taskStatements } from "./task-statements.ts";

/** Ready tasks that claims look for one after the other: those of one assignee, or of none, with a label or whatever theirs. */
interface ReadyQueue {
	readonly space: number;
	readonly label: string | null;
	readonly assignee: string | null;
}

interface Wanted extends ReadyQueue {
	/** How many of its first tasks are fetched. */
	limit: number;
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
		const found = await Promise.all([...parts.values()].map((part) => fetchFirst(tx, part)));
		const rows = found.flat();
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
	const wanted = new Map<string, Wanted>();
	for (const queue of wishes.flatMap(queuesOf)) {
		const key = keyOf(queue);
		const known = wanted.get(key);
		if (known === undefined) wanted.set(key, { ...queue, limit: others + 1 });
		else known.limit++;
	}
	return [...wanted.values()];
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
): Promise<TaskState[]> {
	const queues = new Map(wishes.flatMap(queuesOf).map((queue) => [keyOf(queue), queue]));
	const parts = Map.groupBy(queues.values(), partOf);
	const found = await Promise.all(
		[...parts.values()].map(
			(part) => sql<TaskState[]>`SELECT ${sql.unsafe(stateColumns)} FROM tasks
				WHERE seq IN (SELECT first.seq FROM ${firstOf(
					sql,
					part,
					part.map(() => limit),
				)})`,
		),
	);
	const byId = new Map(found.flat().map((task) => [task.id, task]));
	return [...byId.values()];
}

/** Queues of a part are read by one statement. */
function partOf({ label, assignee }: ReadyQueue): string {
	return `${label === null} ${assignee === null}`;
}

/** Of queues that all have a label or none has one, and likewise an assignee. */
function fetchFirst(tx: Tx, queues: readonly Wanted[]) {
	return tx<TaskRow[]>`SELECT ${taskStatements.columns(tx)} FROM tasks
		WHERE seq IN (SELECT first.seq FROM ${firstOf(
			tx,
			queues,
			queues.map(({ limit }) => limit),
		)})`;
}

/**
 * The first entries of tasks_ready, or of task_labels_ready, for each queue, without a sort: the assignee is in the order
 * because Postgres does not know that what is null is all alike.
 */
function firstOf(sql: Sql | Tx, queues: readonly ReadyQueue[], limits: readonly number[]): Fragment {
	const isLabelled = queues[0]?.label !== null;
	const assignee = queues[0]?.assignee === null ? sql`assignee IS NULL` : sql`assignee = queue.assignee`;
	const from = isLabelled
		? sql`task_labels WHERE task_labels.label = queue.label AND ready = 1`
		: sql`tasks WHERE ${sql.unsafe(isReadySql)}`;
	return sql`unnest(
			${queues.map(({ space }) => space)}::integer[],
			${queues.map(({ label }) => label ?? "")}::text[],
			${queues.map((queue) => queue.assignee ?? "")}::text[],
			${[...limits]}::integer[]) WITH ORDINALITY AS queue (space, label, assignee, count, place)
		CROSS JOIN LATERAL (
			SELECT seq FROM ${from} AND space = queue.space AND ${assignee}
			ORDER BY assignee, ${sql.unsafe(claimOrder)} LIMIT queue.count) AS first`;
}
