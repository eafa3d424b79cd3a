import type { SpaceId } from "../../../kernel/space.ts";
import type { TaskReadSet, TaskRows } from "../../../tasks/collection.ts";
import {
	byClaimOrder,
	type ClaimWish,
	fits,
	isReady,
	type TaskRow,
	type TaskState,
} from "../../../tasks/store.ts";
import { listOf } from "../../collections/tasks.ts";
import { databaseNow } from "../clock.ts";
import type { GroupRows } from "../collection.ts";
import type { Fragment, Sql, Tx } from "../connection.ts";
import type { HeadOfGroup } from "../head-of-group.ts";
import { IdentityMap } from "../identity-map.ts";
import { TaskGraph } from "./task-graph.ts";
import {
	insertLookups,
	removeLookups,
	type Updated,
	updateCounts,
	updateLookups,
	updateOpenBlockers,
} from "./task-lookups.ts";
import type { TaskNumbers } from "./task-numbers.ts";
import { ReadyTasks } from "./task-ready.ts";
import { taskStatements } from "./task-statements.ts";

/** The tasks of a group of units. Of those that no unit names by its id, only the state is known. */
export class TaskGroupRows
	extends IdentityMap<TaskRow | TaskState>
	implements TaskRows, GroupRows<TaskReadSet, TaskRows>
{
	readonly rows = this;
	readonly #graph = new TaskGraph();
	readonly #ready = new ReadyTasks();

	constructor(private readonly numbers: TaskNumbers) {
		super(
			({ id }) => id,
			({ space }) => space,
		);
		numbers.begin();
	}

	async fetch(tx: Tx, readSets: readonly TaskReadSet[]): Promise<void> {
		const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
		const due = readSets.reduce((sum, readSet) => sum + (readSet.due ?? 0), 0);
		const lapsed = readSets.reduce((sum, readSet) => sum + (readSet.lapsed ?? 0), 0);
		const [states, named, deferred, ready, held] = await Promise.all([
			this.#graph.fetch(tx, readSets),
			ids.length > 0
				? tx<TaskRow[]>`SELECT ${taskStatements.columns(tx)} FROM tasks WHERE id = ANY(${ids}::uuid[])`
				: [],
			due > 0 ? deferredTasks(tx, due) : [],
			this.#ready.fetch(tx, readSets),
			lapsed > 0 ? tasksOfLapsed(tx, lapsed) : [],
		]);
		// Whole rows last: they have the states too.
		this.load(states);
		this.load(named);
		this.load(deferred);
		this.load(ready);
		this.load(held);
	}

	find(id: string): TaskRow | undefined {
		const task = this.get(id);
		return task !== undefined && isWhole(task) ? task : undefined;
	}

	state(id: string): TaskState | undefined {
		return this.get(id);
	}

	namedBy(id: string): number {
		return this.#graph.namedBy(id);
	}

	waitingFor(id: string): readonly TaskState[] {
		const waiting = this.#graph.waitingFor(id).flatMap((task) => this.get(task) ?? []);
		return waiting.sort((a, b) => a.seq - b.seq);
	}

	blockersOf(id: string): readonly string[] | undefined {
		return this.#graph.blockersOf(id);
	}

	parentOf(id: string): string | null | undefined {
		return this.#graph.parentOf(id);
	}

	due(limit: number, now: number): readonly TaskRow[] {
		const deferred = [...this.values()].filter(isWhole).flatMap((task) => {
			const { deferUntil } = task;
			return deferUntil !== null && deferUntil <= now ? [{ task, deferUntil }] : [];
		});
		deferred.sort((a, b) => a.deferUntil - b.deferUntil || a.task.seq - b.task.seq);
		return deferred.slice(0, limit).map(({ task }) => task);
	}

	blockers({ blockedBy }: TaskRow): readonly (TaskState | undefined)[] {
		return listOf(blockedBy).map((id) => this.get(id));
	}

	next(wish: ClaimWish): TaskRow | "later" | undefined {
		let first: TaskRow | TaskState | undefined;
		for (const task of this.values()) {
			if (isReady(task) && (first === undefined || byClaimOrder(task, first) < 0) && fits(wish, task))
				first = task;
		}
		if (this.#ready.mayHaveBefore(wish, first)) return "later";
		return first === undefined || isWhole(first) ? first : "later";
	}

	setOpenBlockers(task: TaskState, openBlockers: number): void {
		const current = this.get(task.id);
		if (current !== undefined) this.put({ ...current, openBlockers });
	}

	nextNumber(space: SpaceId): number {
		return this.numbers.take(space);
	}

	insert(row: TaskRow): void {
		this.add(row);
		this.#graph.add(row, listOf(row.blockedBy));
	}

	update(current: TaskRow, next: TaskRow): void {
		this.put(next);
		if (current.blockedBy === next.blockedBy && current.parent === next.parent) return;
		this.#graph.change(next, listOf(current.blockedBy), listOf(next.blockedBy));
	}

	remove(row: TaskRow): void {
		this.delete(row);
		this.#graph.remove(row, listOf(row.blockedBy));
	}

	override keep(): void {
		super.keep();
		this.#graph.keep();
		this.numbers.keep();
	}

	override undo(): void {
		super.undo();
		this.#graph.undo();
		this.numbers.undo();
	}

	abandon(): void {
		this.numbers.abandon();
	}

	/** What is removed goes first: a task that was replaced has the same id as the new one. */
	write(tx: Tx): readonly PromiseLike<unknown>[] {
		const changes = this.changes();
		const inserted = changes.inserted.filter(isWhole);
		const removed = changes.removed.filter(isWhole);
		const updated = changes.updated.map((now) => ({ before: this.before(now) ?? now, now }));
		const whole = updated.filter(isWholeUpdate);
		const states = updated.filter((one) => !isWholeUpdate(one));
		return [
			...removeLookups(tx, removed),
			...updateLookups(tx, whole),
			...taskStatements.write(tx, { inserted, removed, updated: whole.map(({ now }) => now) }),
			...updateOpenBlockers(tx, states),
			...insertLookups(tx, inserted),
			...updateCounts(tx, { inserted, removed }, whole),
		];
	}

	insertAfter(sql: Sql, head: HeadOfGroup): readonly Fragment[] {
		const inserted = this.changes().inserted.filter(isWhole);
		return [
			taskStatements.insert(sql, inserted, head),
			...insertLookups(sql, inserted, head),
			...updateCounts(sql, { inserted, removed: [] }, [], head),
		];
	}
}

function isWhole(task: TaskRow | TaskState): task is TaskRow {
	return "title" in task;
}

function isWholeUpdate(updated: Updated<TaskRow | TaskState>): updated is Updated<TaskRow> {
	return isWhole(updated.before) && isWhole(updated.now);
}

function deferredTasks(tx: Tx, limit: number) {
	return tx<TaskRow[]>`SELECT ${taskStatements.columns(tx)} FROM tasks
		WHERE defer_until IS NOT NULL AND defer_until <= ${databaseNow(tx)}
		ORDER BY defer_until, seq LIMIT ${limit}`;
}

/** The tasks whose claims have run out, in the order in which the claims' rows are fetched. */
function tasksOfLapsed(tx: Tx, limit: number) {
	return tx<TaskRow[]>`SELECT ${taskStatements.columns(tx)} FROM tasks
		WHERE id IN (SELECT task FROM claims
			WHERE lease_expires_at IS NOT NULL AND lease_expires_at <= ${databaseNow(tx)}
			ORDER BY lease_expires_at, task LIMIT ${limit})`;
}
