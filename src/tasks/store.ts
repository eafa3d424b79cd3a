import type { Representation } from "../canonical.ts";
import type { EventLog } from "../events/store.ts";
import type { IdempotencyRecords, IdempotentRequest } from "../http/idempotency.ts";
import type { Precondition } from "../http/preconditions.ts";
import type { NewTask, TaskPatch } from "./schema.ts";

/** A task as both databases keep it. Times are milliseconds since the epoch. */
export interface TaskRow {
	/** The number of the event that created it: the order of lists. */
	readonly seq: number;
	readonly id: string;
	readonly title: string;
	readonly description: string;
	readonly version: number;
	readonly createdAt: number;
	readonly updatedAt: number;
}

/** What a change of tasks sees and does inside its transaction. */
export interface TaskWork extends EventLog {
	readonly tasks: {
		find(id: string): TaskRow | undefined;
		insert(row: TaskRow): void;
		update(row: TaskRow): void;
		remove(row: TaskRow): void;
	};
	readonly answers: IdempotencyRecords;
}

/** The circumstances of a change: when, and by which request. */
interface Change {
	readonly now: number;
	readonly requestId: string;
}

export interface CreateTask extends Change {
	readonly id: string;
	readonly task: NewTask;
	readonly idempotent: IdempotentRequest | undefined;
}

export interface UpdateTask extends Change {
	readonly id: string;
	readonly ifMatch: Precondition;
	readonly patch: TaskPatch;
}

export interface RemoveTask extends Change {
	readonly id: string;
	readonly ifMatch: Precondition;
}

export interface CreatedTask {
	readonly id: string;
	readonly task: Representation;
	readonly replayed: boolean;
}

export interface TaskPageQuery {
	readonly order: "asc" | "desc";
	readonly limit: number;
	/** The `seq` of the last row already seen. */
	readonly after: number | undefined;
}

export interface TaskPage {
	readonly rows: readonly TaskRow[];
	/** Whether there are rows behind the last one. */
	readonly more: boolean;
	/** The state of which the rows are. */
	readonly head: Head;
}

/** Which state of the database this is. */
export interface Head {
	/** The number of the newest event; 0 before the first. */
	readonly rev: number;
	/** The number of the newest event that touched a task: while it stays, no task has changed. */
	readonly tasksRev: number;
}

/**
 * Tasks as a database keeps them. Each verb is one transaction, its event in it. Refusals: `not_found`,
 * `precondition_required`, `precondition_failed`, `idempotency_mismatch`, `unavailable`.
 */
export interface TaskStore {
	create(change: CreateTask): Promise<CreatedTask>;
	update(change: UpdateTask): Promise<Representation>;
	remove(change: RemoveTask): Promise<void>;
	find(id: string): Promise<TaskRow | undefined>;
	list(query: TaskPageQuery): Promise<TaskPage>;
	/** The state now: it includes every change that anybody has been told of before this was asked. */
	head(): Head | Promise<Head>;
}
