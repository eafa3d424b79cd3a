import type { Database } from "bun:sqlite";
import type { TaskRow, TaskState } from "../../../tasks/store.ts";
import { blockerRows, changesLabels, labelRows, readyFlag } from "../../collections/tasks.ts";
import { TableStatements } from "../table-statements.ts";
import { taskBlockerTable, taskLabelTable } from "./task-tables.ts";

/** The tables by which tasks are found: each follows from the rows of tasks. */
export class TaskLookups {
	readonly #labels;
	readonly #blockers;
	readonly #setReady;

	constructor(database: Database) {
		this.#labels = new TableStatements(database, taskLabelTable, { key: "seq", fixed: [] });
		this.#blockers = new TableStatements(database, taskBlockerTable, { key: "task", fixed: [] });
		this.#setReady = database.query<never, [number, number]>(
			"UPDATE task_labels SET ready = ? WHERE seq = ?",
		);
	}

	insert(row: TaskRow): void {
		for (const label of labelRows(row)) this.#labels.insert(label);
		for (const blocker of blockerRows(row)) this.#blockers.insert(blocker);
	}

	update(before: TaskRow, now: TaskRow): void {
		if (changesLabels(before, now)) {
			this.#removeLabels(before);
			for (const label of labelRows(now)) this.#labels.insert(label);
		}
		if (before.blockedBy === now.blockedBy) return;
		this.#removeBlockers(before);
		for (const blocker of blockerRows(now)) this.#blockers.insert(blocker);
	}

	remove(row: TaskRow): void {
		this.#removeLabels(row);
		this.#removeBlockers(row);
	}

	setReady(task: TaskState): void {
		this.#setReady.run(readyFlag(task), task.seq);
	}

	#removeLabels(row: TaskRow): void {
		const [first] = labelRows(row);
		if (first !== undefined) this.#labels.remove(first);
	}

	#removeBlockers(row: TaskRow): void {
		const [first] = blockerRows(row);
		if (first !== undefined) this.#blockers.remove(first);
	}
}
