import type { Actor } from "../kernel/change-context.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { InSpace, SpaceId } from "../kernel/space.ts";

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
export interface TaskBlockerRow extends InSpace {
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
export type TaskState = Pick<
	TaskRow,
	| "id"
	| "seq"
	| "space"
	| "status"
	| "deferUntil"
	| "openBlockers"
	| "assignee"
	| "labels"
	| "priority"
	| "rank"
>;

/** What a claim looks for: the first ready task that is for its holder. */
export interface ClaimWish extends InSpace {
	/** Who claims: the task has this assignee, or none. */
	readonly holder: string;
	/** Absent: whatever its labels. */
	readonly label: string | undefined;
}

/** Whether a ready task is one that a claim may get. */
export function fits({ space, holder, label }: ClaimWish, task: TaskState): boolean {
	if (task.space !== space || (task.assignee !== null && task.assignee !== holder)) return false;
	return label === undefined || (JSON.parse(task.labels) as string[]).includes(label);
}

/** Whether `a` is claimed before `b`. Storage has the same order in SQL. */
export function byClaimOrder(a: ClaimOrder, b: ClaimOrder): number {
	return b.priority - a.priority || compareRanks(a.rank, b.rank) || a.seq - b.seq;
}

type ClaimOrder = Pick<TaskRow, "priority" | "rank" | "seq">;

function compareRanks(a: string, b: string): number {
	if (a === b) return 0;
	return a < b ? -1 : 1;
}

/** Finds the words of a query. */
export interface TextSearch {
	matches(...texts: readonly string[]): boolean;
	/** The work that it has done so far: at least the code units that it has read. */
	readonly steps: number;
}

/** What all tasks of a list have in common. Null stands for tasks without. */
export interface TaskFilter {
	/** Any of them. */
	readonly statuses?: readonly TaskStatus[] | undefined;
	/** All of them. */
	readonly labels?: readonly string[] | undefined;
	readonly assignee?: string | null | undefined;
	readonly claimedBy?: string | null | undefined;
	/** An id. */
	readonly parent?: string | null | undefined;
	/** An id. */
	readonly blockedBy?: string | null | undefined;
	readonly dueBefore?: number | undefined;
	readonly number?: number | undefined;
	readonly isReady?: boolean | undefined;
	readonly search?: TextSearch | undefined;
}

export const taskSorts = ["created", "priority", "status_since", "updated"] as const;
export type TaskSort = (typeof taskSorts)[number];

/** A task's place in an order: what it has in the order's columns. */
export type TaskPlace = readonly (number | string)[];

/** What one page may take. */
export interface TaskPageBounds {
	/** How many rows it looks at. */
	readonly rowsMax: number;
	/** How many it looks at where it sorts them, or reads their texts. */
	readonly costlyRowsMax: number;
	/** After how many bytes of rows it ends. */
	readonly bytesMax: number;
	/** After how many steps of a search it ends. */
	readonly stepsMax: number;
}

export interface TaskPageQuery extends InSpace {
	/** `nothing`: for what no task can have. */
	readonly filter: TaskFilter | "nothing";
	readonly sort: TaskSort;
	readonly order: "asc" | "desc";
	readonly limit: number;
	/** The place of the last task already looked at. */
	readonly after: TaskPlace | undefined;
	/** Rows that have an ETag come without description and metadata: these are empty. */
	readonly isBrief: boolean;
	readonly bounds: TaskPageBounds;
}

export interface TaskPage {
	readonly rows: readonly TaskRow[];
	/** Where to go on, which may be behind the last of the rows; undefined: nothing is left. */
	readonly next: TaskPlace | undefined;
	/** The revision at which the rows were read. */
	readonly revision: TaskRevision;
}

/** How many tasks have each status, in the order of `taskStatuses`. */
export interface TaskStats {
	readonly counts: Readonly<Record<TaskStatus, number>>;
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
	/** The first ready tasks, in the order of claims: for each wish as many as `limit`, if there are so many. */
	ready(wishes: readonly ClaimWish[], limit: number): Promise<readonly TaskState[]>;
	stats(space: SpaceId): Promise<TaskStats>;
	/** Milliseconds until a `deferUntil` comes; 0 or less if one has; undefined if none will. */
	dueInMs(): Promise<number | undefined>;
	/** The current revision: it includes every change that was acknowledged to any client before this call. */
	revision(space: SpaceId): MaybePromise<TaskRevision>;
}
