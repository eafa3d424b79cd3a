import type { Representation } from "../kernel/canonical.ts";
import type { Actor, ChangeContext } from "../kernel/change-context.ts";
import type { IdempotentRequest } from "../kernel/idempotency.ts";
import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { Precondition } from "../kernel/precondition.ts";
import { type InSpace, inSpace, isWithin, type SpaceId, type UnitSpace } from "../kernel/space.ts";
import { Collection, requireNamed, type UnitOfWork } from "../kernel/unit-of-work.ts";
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
	/** Tasks by the states of what blocks them. */
	readonly blockers?: readonly string[];
	/** The first ready task for a claim. */
	readonly next?: ClaimWish;
	/** The tasks of at most so many claims that have run out. */
	readonly lapsed?: number;
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
	/** What it names in `blockedBy`, in its order: undefined for each that is gone. */
	blockers(task: TaskRow): readonly (TaskState | undefined)[];
	/**
	 * The first ready task that fits; undefined if there is none. `later`: only a group of units that begins later can tell,
	 * since earlier ones of this group have changed what comes first.
	 */
	next(wish: ClaimWish): TaskRow | "later" | undefined;
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

/** The tasks that claims can get because of what a unit has done so far. */
export function becameReady(work: UnitOfWork): readonly TaskState[] {
	const rows = work.rows(tasks);
	return rows instanceof NamedTasks ? rows.becameReady() : [];
}

/** Tasks as far as a read set names them, and of one space alone. */
class NamedTasks implements TaskRows {
	/** Tasks that were found by what they wait for, or by their time. */
	readonly #found = new Set<string>();
	readonly #ready = new Map<string, TaskState>();
	#numbersTaken = 0;
	#ids: ReadonlySet<string> | undefined;

	constructor(
		private readonly rows: TaskRows,
		private readonly readSet: TaskReadSet,
		private readonly space: UnitSpace,
	) {}

	find(id: string): TaskRow | undefined {
		// Which tasks a claim has run out for, the claims tell.
		if (this.readSet.lapsed === undefined) this.#requireId(id);
		else this.#found.add(id);
		return inSpace(this.space, this.rows.find(id));
	}

	state(id: string): TaskState | undefined {
		this.#requireListed("states", id);
		return inSpace(this.space, this.rows.state(id));
	}

	namedBy(id: string): number {
		this.#requireListed("namedBy", id);
		return this.rows.namedBy(id);
	}

	waitingFor(id: string): readonly TaskState[] {
		this.#requireListed("waitingFor", id);
		return this.#remember(this.rows.waitingFor(id));
	}

	setOpenBlockers(task: TaskState, count: number): void {
		requireNamed(this.#found.has(task.id), "a task");
		this.#requireWithin(task);
		this.rows.setOpenBlockers(task, count);
		this.#note(task, { ...task, openBlockers: count });
	}

	blockers(task: TaskRow): readonly (TaskState | undefined)[] {
		this.#requireListed("blockers", task.id);
		return this.rows.blockers(task).map((blocker) => inSpace(this.space, blocker));
	}

	next(wish: ClaimWish): TaskRow | "later" | undefined {
		requireNamed(wish === this.readSet.next && isWithin(this.space, wish), "the next task");
		const found = this.rows.next(wish);
		if (found !== undefined && found !== "later") this.#found.add(found.id);
		return found;
	}

	blockersOf(id: string): readonly string[] | undefined {
		requireNamed(this.readSet.above !== undefined, "what blocks a task");
		return this.rows.blockersOf(id);
	}

	parentOf(id: string): string | null | undefined {
		requireNamed(this.readSet.parents !== undefined, "the parent of a task");
		return this.rows.parentOf(id);
	}

	due(limit: number, now: number): readonly TaskRow[] {
		requireNamed((this.readSet.due ?? -1) >= limit, "tasks whose time has come");
		return this.#remember(this.rows.due(limit, now));
	}

	insert(row: TaskRow): void {
		this.#requireWithin(row);
		this.rows.insert(row);
		this.#note(undefined, row);
	}

	update(current: TaskRow, next: TaskRow): void {
		if (!this.#found.has(current.id)) this.#requireId(current.id);
		this.#requireWithin(current);
		this.rows.update(current, next);
		this.#note(current, next);
	}

	remove(row: TaskRow): void {
		this.#requireId(row.id);
		this.#requireWithin(row);
		this.rows.remove(row);
		this.#ready.delete(row.id);
	}

	becameReady(): readonly TaskState[] {
		return [...this.#ready.values()];
	}

	nextNumber(space: SpaceId): number {
		const { numbers } = this.readSet;
		requireNamed(numbers?.space === space && this.#numbersTaken < numbers.count, "the number of a task");
		this.#numbersTaken++;
		return this.rows.nextNumber(space);
	}

	/** Notes a ready task that claims could not get before. */
	#note(before: TaskState | undefined, now: TaskState): void {
		if (!isReady(now)) this.#ready.delete(now.id);
		else if (before === undefined || !isReady(before) || isForOthers(before, now))
			this.#ready.set(now.id, now);
	}

	#remember<State extends TaskState>(found: readonly State[]): readonly State[] {
		for (const { id } of found) this.#found.add(id);
		return found;
	}

	#requireId(id: string): void {
		// A repeated batch names five hundred.
		this.#ids ??= new Set(this.readSet.ids);
		requireNamed(this.#ids.has(id), "a task");
	}

	#requireListed(part: "states" | "namedBy" | "waitingFor" | "blockers", id: string): void {
		requireNamed(this.readSet[part]?.includes(id) ?? false, "a task");
	}

	#requireWithin(row: InSpace): void {
		requireNamed(isWithin(this.space, row), "a task of another space");
	}
}

function isForOthers(before: TaskState, now: TaskState): boolean {
	return before.assignee !== now.assignee || before.labels !== now.labels;
}

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

/** What `Claim-Fence` says: nothing, any claim or none, or the fence of a claim. `forbidden`: `*` by an access token. */
export type ClaimFence = "absent" | "malformed" | "forbidden" | "any" | number;

export interface RemoveTask extends Change {
	readonly id: string;
	readonly ifMatch: Precondition;
	/** Absent: the same as `absent`. */
	readonly claimFence?: ClaimFence;
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
