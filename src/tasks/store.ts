import type { Representation } from "../kernel/canonical.ts";
import type { Actor, ChangeContext } from "../kernel/change-context.ts";
import type { IdempotentRequest } from "../kernel/idempotency.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { Precondition } from "../kernel/precondition.ts";
import type { InSpace, SpaceId } from "../kernel/space.ts";
import { Collection } from "../kernel/unit-of-work.ts";
import { NamedTasks } from "./named-tasks.ts";
import type { NewTask, TaskPatch } from "./schema.ts";

export const taskStatuses = ["open", "in_progress", "waiting", "done", "cancelled"] as const;
export type TaskStatus = (typeof taskStatuses)[number];

/** A task as both databases store it. Times are milliseconds since the epoch. */
export interface TaskRow extends InSpace {
	/** The number of the event that created it: the order of lists. */
	readonly seq: number;
	/** The number of the newest event that changed the body. */
	readonly updatedSeq: number;
	readonly id: string;
	/** What people call it by: unique in its space. */
	readonly number: number;
	readonly title: string;
	readonly description: string;
	readonly version: number;
	readonly status: TaskStatus;
	/** When `status` last changed, not counting a change from one finished status to the other. */
	readonly statusSince: number;
	readonly priority: number;
	/** Its place among tasks of one priority, compared by code unit. */
	readonly rank: string;
	readonly assignee: string | null;
	/** Who holds it now. */
	readonly claimedBy: string | null;
	/** Null in tasks of versions that recorded none. */
	readonly createdBy: Actor | null;
	/** The id of a task, which may be gone. */
	readonly parent: string | null;
	/** The ids of tasks, which may be gone: a sorted canonical list. */
	readonly blockedBy: string;
	/** How many of `blockedBy` are there and not finished. */
	readonly openBlockers: number;
	/** A sorted canonical list. */
	readonly labels: string;
	/** A canonical object without null members. */
	readonly metadata: string;
	/** Null, or a canonical object: `by` and `text`. */
	readonly note: string | null;
	readonly dueAt: number | null;
	/** It is not ready before this time of the database's clock; null once that has come. */
	readonly deferUntil: number | null;
	readonly createdAt: number;
	readonly updatedAt: number;
	/** Of the body, with its quotes. Null in rows that no version with this column has written. */
	readonly etag: string | null;
}

/** A label of a task, with what claims choose and order by. */
export interface TaskLabelRow extends Pick<TaskRow, "seq" | "space" | "assignee" | "priority" | "rank"> {
	readonly label: string;
	/** 1 if the task is ready, else 0. */
	readonly ready: number;
}

/** A task names another one in `blocked_by`. */
export interface TaskBlockerRow {
	readonly task: string;
	readonly blocker: string;
}

/** How many tasks of a space have a status; updated by the transactions that change them. */
export interface TaskCountRow extends Pick<TaskRow, "space" | "status"> {
	readonly count: number;
}

/** The number that the next task of a space gets. */
export interface TaskNumberRow {
	readonly space: SpaceId;
	readonly next: number;
}

/** Whether it can be claimed in its turn. Storage has the same condition in SQL. */
export function isReady(task: Pick<TaskRow, "status" | "deferUntil" | "openBlockers">): boolean {
	return task.status === "open" && task.deferUntil === null && task.openBlockers === 0;
}

/** A finished task does not block. */
export function isFinished({ status }: Pick<TaskRow, "status">): boolean {
	return status === "done" || status === "cancelled";
}

/** What of a task other tasks depend on, without its texts. */
export type TaskState = Pick<TaskRow, "id" | "seq" | "space" | "status" | "deferUntil" | "openBlockers">;

/** Which tasks a unit reads. */
export interface TaskReadSet {
	/** Whole tasks, to look at and to change. */
	readonly ids?: readonly string[];
	/** Tasks that others are to name. */
	readonly states?: readonly string[];
	/** Tasks by how many others name them in `blockedBy`. */
	readonly namedBy?: readonly string[];
	/** Tasks by the others that name them in `blockedBy`. */
	readonly waitingFor?: readonly string[];
	/**
	 * Of these tasks those that `of` does not name yet, with all that blocks them, and what blocks that: as many as a walk
	 * of `blockersMax` may look at.
	 */
	readonly above?: { readonly of: string; readonly ids: readonly string[] };
	/** Tasks with their parents, and the parents of those: those that a walk of `parentsMax` may look at. */
	readonly parents?: readonly string[];
	/** At most so many whose `deferUntil` has come. */
	readonly due?: number;
	/** How many numbers for new tasks it takes. */
	readonly numbers?: { readonly space: SpaceId; readonly count: number };
}

/** How many tasks may name the same one in `blockedBy`. */
export const waitingMax = 1000;
/** How many tasks a check for a cycle looks at. */
export const blockersMax = 10_000;
export const parentsMax = 100;

export interface TaskRows {
	find(id: string): TaskRow | undefined;
	insert(row: TaskRow): void;
	/** `current`: the row as it was found. */
	update(current: TaskRow, next: TaskRow): void;
	remove(row: TaskRow): void;
	state(id: string): TaskState | undefined;
	/** How many tasks name it in `blockedBy`, counted up to `waitingMax`. */
	namedBy(id: string): number;
	/** The tasks that name it in `blockedBy`, oldest first. */
	waitingFor(id: string): readonly TaskState[];
	setOpenBlockers(task: TaskState, count: number): void;
	/** What it names in `blockedBy`. Undefined: more than a walk may look at. */
	blockersOf(id: string): readonly string[] | undefined;
	/** Null without one, and if the task is gone. Undefined: more than a walk may look at. */
	parentOf(id: string): string | null | undefined;
	/** Tasks whose `deferUntil` has come. */
	due(limit: number, now: number): readonly TaskRow[];
	/** The number of a new task. */
	nextNumber(space: SpaceId): number;
}

export const tasks = new Collection<TaskReadSet, TaskRows>({
	name: "tasks",
	nothing: {},
	hasRevision: true,
	narrow: (rows, readSet, space) => new NamedTasks(rows, readSet, space),
});

interface Change {
	readonly context: ChangeContext;
	/** By the clock of the server that makes it. */
	readonly now: number;
}

interface WrittenChange extends Change {
	/** Who a note is by: the name of the user or of the token, as text. */
	readonly author: string;
}

export interface CreateTask extends WrittenChange, NewBatchItem {
	readonly idempotent: IdempotentRequest | undefined;
}

export interface NewBatchItem {
	readonly id: string;
	readonly task: NewTask;
}

export interface CreateBatch extends WrittenChange {
	readonly tasks: readonly NewBatchItem[];
	readonly idempotent: IdempotentRequest | undefined;
}

export interface RemoveTask extends Change {
	readonly id: string;
	readonly ifMatch: Precondition;
}

export interface UpdateTask extends WrittenChange, RemoveTask {
	readonly patch: TaskPatch;
}

/** `context`: without the space, which is each task's own. */
export interface SweepDeferred {
	readonly context: Omit<ChangeContext, "space">;
	readonly now: number;
}

export interface CreatedTask {
	readonly id: string;
	readonly task: Representation;
	readonly replayed: boolean;
}

export interface CreatedBatch {
	/** The canonical bodies of the tasks. */
	readonly bodies: readonly string[];
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
	/** Those that are there, in the order of the ids. */
	findAll(space: SpaceId, ids: readonly string[]): Promise<readonly TaskRow[]>;
	list(query: TaskPageQuery): Promise<TaskPage>;
	/** Milliseconds until a `deferUntil` comes; 0 or less if one has; undefined if none will. */
	dueInMs(): Promise<number | undefined>;
	/** The current revision: it includes every change that was acknowledged to any client before this call. */
	revision(space: SpaceId): MaybePromise<TaskRevision>;
}
