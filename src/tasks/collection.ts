import { type InSpace, inSpace, isWithin, type SpaceId, type UnitSpace } from "../kernel/space.ts";
import { Collection, requireNamed, type UnitOfWork } from "../kernel/unit-of-work.ts";
import { type ClaimWish, isReady, type TaskRow, type TaskState } from "./store.ts";

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
