import type { Database } from "bun:sqlite";
import type { InSpace, SpaceId } from "../../../kernel/space.ts";
import type { TaskRows } from "../../../tasks/collection.ts";
import {
	type ClaimWish,
	isReady,
	type TaskRow,
	type TaskState,
	type TaskStatus,
} from "../../../tasks/store.ts";
import { addToCount, listOf, mostlyDefault, TaskCounts } from "../../collections/tasks.ts";
import { selection } from "../../table-columns.ts";
import { RowsInPlace } from "../collection.ts";
import { TableStatements } from "../table-statements.ts";
import { TaskGraph } from "./task-graph.ts";
import { TaskLookups } from "./task-lookups.ts";
import { TaskNumbers } from "./task-numbers.ts";
import { readyReader } from "./task-ready.ts";
import { taskTable } from "./task-tables.ts";

/** Tasks as units see them, inside the writer's transaction. */
export class TaskRowsInPlace extends RowsInPlace implements TaskRows {
	readonly #byId;
	readonly #due;
	readonly #ready;
	readonly #statements;
	readonly #setOpenBlockers;
	readonly #addToCount;
	readonly #graph;
	readonly #lookups;
	readonly #numbers;
	#moves: Move[] = [];
	#keptMoves = 0;

	constructor(database: Database) {
		super();
		this.#byId = database.query<TaskRow, [string]>(taskById);
		this.#due = database.query<TaskRow, { now: number; limit: number }>(dueTasks);
		this.#ready = readyReader(database);
		this.#statements = new TableStatements(database, taskTable, {
			key: "id",
			fixed: ["seq", "space", "number", "createdBy", "createdAt"],
			mostlyDefault,
		});
		this.#setOpenBlockers = database.query<never, [number, string]>(
			"UPDATE tasks SET open_blockers = ? WHERE id = ?",
		);
		this.#addToCount = database.query<never, [SpaceId, TaskStatus, number]>(
			`INSERT INTO task_counts (space, status, count) VALUES (?, ?, ?) ${addToCount}`,
		);
		this.#graph = new TaskGraph(database);
		this.#lookups = new TaskLookups(database);
		this.#numbers = new TaskNumbers(database);
	}

	find(id: string): TaskRow | undefined {
		return this.#byId.get(id) ?? undefined;
	}

	state(id: string): TaskState | undefined {
		return this.#graph.state(id);
	}

	namedBy(id: string): number {
		return this.#graph.namedBy(id);
	}

	waitingFor(id: string): readonly TaskState[] {
		return this.#graph.waitingFor(id);
	}

	blockersOf(id: string): readonly string[] {
		return this.#graph.blockersOf(id);
	}

	parentOf(id: string): string | null {
		return this.#graph.parentOf(id);
	}

	due(limit: number, now: number): readonly TaskRow[] {
		return this.#due.all({ now, limit });
	}

	blockers({ blockedBy }: TaskRow): readonly (TaskState | undefined)[] {
		return listOf(blockedBy).map((id) => this.#graph.state(id));
	}

	next(wish: ClaimWish): TaskRow | undefined {
		const [first] = this.#ready([wish], 1);
		return first && this.find(first.id);
	}

	setOpenBlockers(task: TaskState, count: number): void {
		this.wrote(task);
		this.#setOpenBlockers.run(count, task.id);
		const next = { ...task, openBlockers: count };
		if (isReady(task) !== isReady(next)) this.#lookups.setReady(next);
	}

	nextNumber(space: SpaceId): number {
		this.wrote({ space });
		return this.#numbers.take(space);
	}

	insert(row: TaskRow): void {
		this.wrote(row);
		this.#statements.insert(row);
		this.#lookups.insert(row);
		this.#moves.push({ space: row.space, from: undefined, to: row.status });
	}

	update(current: TaskRow, next: TaskRow): void {
		const { space } = next;
		this.wrote(next);
		this.#statements.update(next);
		this.#lookups.update(current, next);
		if (current.status !== next.status) this.#moves.push({ space, from: current.status, to: next.status });
	}

	remove(row: TaskRow): void {
		this.wrote(row);
		this.#statements.remove(row);
		this.#lookups.remove(row);
		this.#moves.push({ space: row.space, from: row.status, to: undefined });
	}

	override begin(): void {
		super.begin();
		this.#numbers.begin();
		this.#moves = [];
		this.#keptMoves = 0;
	}

	override keep(): void {
		super.keep();
		this.#numbers.keep();
		this.#keptMoves = this.#moves.length;
	}

	override undo(): void {
		super.undo();
		this.#numbers.undo();
		this.#moves.length = this.#keptMoves;
	}

	override write(): void {
		this.#numbers.write();
		const counts = new TaskCounts();
		for (const { space, from, to } of this.#moves) {
			if (from !== undefined) counts.add({ space }, from, -1);
			if (to !== undefined) counts.add({ space }, to, 1);
		}
		for (const { space, status, count } of counts.rows()) this.#addToCount.run(space, status, count);
	}
}

/** A task's change of status; undefined: it is new, or gone. */
interface Move extends InSpace {
	readonly from: TaskStatus | undefined;
	readonly to: TaskStatus | undefined;
}

export const taskById = `SELECT ${selection(taskTable)} FROM tasks WHERE id = ?`;

/** Names its index, and hides its parameter, for the reasons that jobs.ts gives. */
const dueTasks = `SELECT ${selection(taskTable)} FROM tasks INDEXED BY tasks_deferred
	WHERE defer_until IS NOT NULL AND defer_until <= $now ORDER BY defer_until, seq LIMIT abs($limit)`;
