import type { Database } from "bun:sqlite";
import { waitingMax } from "../../../tasks/collection.ts";
import type { TaskRow, TaskState } from "../../../tasks/store.ts";

/** The columns of `TaskState`. */
export const stateColumns = `tasks.id, tasks.seq, tasks.space, tasks.status,
	tasks.defer_until AS "deferUntil", tasks.open_blockers AS "openBlockers",
	tasks.assignee, tasks.labels, tasks.priority, tasks.rank`;

/** What tasks have to do with each other, read in place. */
export class TaskGraph {
	readonly #state;
	readonly #namedBy;
	readonly #waitingFor;
	readonly #blockersOf;
	readonly #parentOf;

	constructor(database: Database) {
		this.#state = database.query<TaskState, [string]>(`SELECT ${stateColumns} FROM tasks WHERE id = ?`);
		this.#namedBy = database.query<{ count: number }, [string]>(
			`SELECT count(*) AS count FROM (SELECT 1 FROM task_blockers WHERE blocker = ? LIMIT ${waitingMax})`,
		);
		this.#waitingFor = database.query<{ task: string }, [string]>(
			"SELECT task FROM task_blockers WHERE blocker = ?",
		);
		this.#blockersOf = database.query<{ blocker: string }, [string]>(
			"SELECT blocker FROM task_blockers WHERE task = ?",
		);
		this.#parentOf = database.query<Pick<TaskRow, "parent">, [string]>(
			"SELECT parent FROM tasks WHERE id = ?",
		);
	}

	state(id: string): TaskState | undefined {
		return this.#state.get(id) ?? undefined;
	}

	namedBy(id: string): number {
		return this.#namedBy.get(id)?.count ?? 0;
	}

	/** Not by a join in order: that took ten times as long where, as mostly, no task waits. */
	waitingFor(id: string): readonly TaskState[] {
		const states = this.#waitingFor.all(id).flatMap(({ task }) => this.state(task) ?? []);
		return states.sort((a, b) => a.seq - b.seq);
	}

	blockersOf(id: string): readonly string[] {
		return this.#blockersOf.all(id).map(({ blocker }) => blocker);
	}

	parentOf(id: string): string | null {
		return this.#parentOf.get(id)?.parent ?? null;
	}
}
