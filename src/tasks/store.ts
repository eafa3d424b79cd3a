import type { Representation } from "../kernel/canonical.ts";
import type { ChangeContext } from "../kernel/change-context.ts";
import type { IdempotentRequest } from "../kernel/idempotency.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { Precondition } from "../kernel/precondition.ts";
import type { InSpace, SpaceId } from "../kernel/space.ts";
import { Collection, narrowToIds, type RowsById } from "../kernel/unit-of-work.ts";
import type { NewTask, TaskPatch } from "./schema.ts";

/** A task as both databases store it. Times are milliseconds since the epoch. */
export interface TaskRow extends InSpace {
	/** The number of the event that created it: the order of lists. */
	readonly seq: number;
	readonly id: string;
	readonly title: string;
	readonly description: string;
	readonly version: number;
	readonly createdAt: number;
	readonly updatedAt: number;
}

export interface TaskReadSet {
	readonly ids: readonly string[];
}

export type TaskRows = RowsById<TaskRow>;

export const tasks = new Collection<TaskReadSet, TaskRows>({
	name: "tasks",
	nothing: { ids: [] },
	hasRevision: true,
	narrow: (rows, { ids }, space) => narrowToIds(rows, ids, space, "a task"),
});

interface Change {
	readonly context: ChangeContext;
	/** By the clock of the server that makes it. */
	readonly now: number;
}

export interface CreateTask extends Change {
	readonly id: string;
	readonly task: NewTask;
	readonly idempotent: IdempotentRequest | undefined;
}

export interface RemoveTask extends Change {
	readonly id: string;
	readonly ifMatch: Precondition;
}

export interface UpdateTask extends RemoveTask {
	readonly patch: TaskPatch;
}

export interface CreatedTask {
	readonly id: string;
	readonly task: Representation;
	readonly replayed: boolean;
}

export interface TaskPageQuery extends InSpace {
	readonly order: "asc" | "desc";
	readonly limit: number;
	/** The `seq` of the last row already seen. */
	readonly after: number | undefined;
}

export interface TaskPage {
	readonly rows: readonly TaskRow[];
	/** Whether there are rows after the last one. */
	readonly more: boolean;
	/** The revision at which the rows were read. */
	readonly revision: TaskRevision;
}

/** A revision of the log and of the tasks of a space. */
export interface TaskRevision {
	/** The number of the newest event; 0 before the first. */
	readonly rev: number;
	/** A number of the log that rises whenever a task of the space changes: while it is the same, none has changed. */
	readonly tasksRev: number;
}

/** Tasks in a database. Throws `unavailable`. */
export interface TaskStore {
	find(space: SpaceId, id: string): Promise<TaskRow | undefined>;
	list(query: TaskPageQuery): Promise<TaskPage>;
	/** The current revision: it includes every change that was acknowledged to any client before this call. */
	revision(space: SpaceId): MaybePromise<TaskRevision>;
}
