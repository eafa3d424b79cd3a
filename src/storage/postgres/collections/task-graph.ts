import { blockersMax, parentsMax, type TaskReadSet } from "../../../tasks/collection.ts";
import type { TaskRow, TaskState } from "../../../tasks/store.ts";
import type { Fragment, Tx } from "../connection.ts";

/** The columns of `TaskState`. */
export const stateColumns = `tasks.id, tasks.seq, tasks.space, tasks.status,
	tasks.defer_until AS "deferUntil", tasks.open_blockers AS "openBlockers",
	tasks.assignee, tasks.labels, tasks.priority, tasks.rank`;

type Above = NonNullable<TaskReadSet["above"]>;

interface Waiting extends TaskState {
	readonly blocker: string;
}

/**
 * What tasks have to do with each other, as far as a group of units asks for it: fetched before, and changed in memory by
 * one unit after the other. What is not known is more than a walk may look at: each walk begins at ids whose closure was
 * fetched, and what earlier units of the group have added leads to ids whose closure was fetched for those.
 */
export class TaskGraph {
	readonly #blockers = new Map<string, readonly string[]>();
	readonly #parents = new Map<string, string | null>();
	readonly #waiting = new Map<string, Set<string>>();
	readonly #named = new Map<string, number>();
	readonly #undo: (() => void)[] = [];

	/** The answer has the states of tasks that were met. */
	async fetch(tx: Tx, readSets: readonly TaskReadSet[]): Promise<readonly TaskState[]> {
		const idsOf = (part: "states" | "namedBy" | "waitingFor" | "blockers") =>
			unique(readSets.flatMap((readSet) => readSet[part] ?? []));
		const found = await Promise.all([
			this.#fetchStates(tx, idsOf("states")),
			this.#fetchWaiting(tx, idsOf("waitingFor")),
			this.#fetchNamed(tx, idsOf("namedBy")),
			this.#fetchStatesOfBlockers(tx, idsOf("blockers")),
			// Each walk has its own bound.
			...readSets.flatMap(({ above }) => (above === undefined ? [] : [this.#fetchBlockers(tx, above)])),
			...readSets.map(({ parents = [] }) => this.#fetchParents(tx, parents)),
		]);
		return found.flat();
	}

	namedBy(id: string): number {
		return this.#named.get(id) ?? 0;
	}

	waitingFor(id: string): readonly string[] {
		return [...(this.#waiting.get(id) ?? [])];
	}

	blockersOf(id: string): readonly string[] | undefined {
		return this.#blockers.get(id);
	}

	parentOf(id: string): string | null | undefined {
		return this.#parents.get(id);
	}

	/** A new task, which nothing waits for yet. */
	add(task: TaskRow, blockers: readonly string[]): void {
		this.#set(this.#waiting, task.id, new Set());
		this.change(task, [], blockers);
	}

	/** What a task names is another list now, and its parent may be another one. */
	change({ id, parent }: TaskRow, before: readonly string[], now: readonly string[]): void {
		this.#set(this.#parents, id, parent);
		this.#set(this.#blockers, id, now);
		for (const blocker of before) if (!now.includes(blocker)) this.#count(blocker, id, -1);
		for (const blocker of now) if (!before.includes(blocker)) this.#count(blocker, id, 1);
	}

	remove({ id }: TaskRow, blockers: readonly string[]): void {
		this.#set(this.#parents, id, null);
		this.#set(this.#blockers, id, []);
		for (const blocker of blockers) this.#count(blocker, id, -1);
	}

	/** Keeps the current unit's changes. */
	keep(): void {
		this.#undo.length = 0;
	}

	/** Undoes the current unit's changes. */
	undo(): void {
		while (this.#undo.length > 0) this.#undo.pop()?.();
	}

	/** Unless nobody has asked for the blocker. */
	#count(blocker: string, task: string, difference: 1 | -1): void {
		const named = this.#named.get(blocker);
		if (named !== undefined) this.#set(this.#named, blocker, named + difference);
		const waiting = this.#waiting.get(blocker);
		if (waiting === undefined) return;
		const next = new Set(waiting);
		if (difference === 1) next.add(task);
		else next.delete(task);
		this.#set(this.#waiting, blocker, next);
	}

	#set<Value>(map: Map<string, Value>, key: string, value: Value): void {
		const before = map.get(key);
		this.#undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
		map.set(key, value);
	}

	async #fetchStates(tx: Tx, ids: readonly string[]): Promise<readonly TaskState[]> {
		if (ids.length === 0) return [];
		return tx<TaskState[]>`SELECT ${columns(tx)} FROM tasks WHERE id = ANY(${[...ids]}::uuid[])`;
	}

	async #fetchStatesOfBlockers(tx: Tx, ids: readonly string[]): Promise<readonly TaskState[]> {
		if (ids.length === 0) return [];
		return tx<TaskState[]>`SELECT ${columns(tx)} FROM tasks
			WHERE id IN (SELECT blocker FROM task_blockers WHERE task = ANY(${[...ids]}::uuid[]))`;
	}

	async #fetchWaiting(tx: Tx, ids: readonly string[]): Promise<readonly TaskState[]> {
		if (ids.length === 0) return [];
		for (const id of ids) this.#waiting.set(id, new Set());
		const found = await tx<Waiting[]>`SELECT blocker, ${columns(tx)}
			FROM task_blockers CROSS JOIN LATERAL (SELECT * FROM tasks WHERE tasks.id = task_blockers.task LIMIT 1) AS tasks
			WHERE blocker = ANY(${[...ids]}::uuid[])`;
		for (const { blocker, id } of found) this.#waiting.get(blocker)?.add(id);
		return found.map(({ blocker: _, ...state }) => state);
	}

	async #fetchNamed(tx: Tx, ids: readonly string[]): Promise<readonly TaskState[]> {
		if (ids.length === 0) return [];
		for (const id of ids) this.#named.set(id, 0);
		const found = await tx<{ id: string; count: number }[]>`SELECT blocker AS id, count(*)::integer AS count
			FROM task_blockers WHERE blocker = ANY(${[...ids]}::uuid[]) GROUP BY blocker`;
		for (const { id, count } of found) this.#named.set(id, count);
		return [];
	}

	/**
	 * Of one unit: what it names anew, what blocks that, and so on. UNION finds each once; the lists are read for what was
	 * found, not for each way to it. Without OFFSET 0 a step may be planned as a join with the whole table, and took 13 s for
	 * 10,000 steps, not 35 ms.
	 */
	async #fetchBlockers(tx: Tx, { of, ids }: Above): Promise<readonly TaskState[]> {
		if (ids.length === 0) return [];
		const found = await tx<{ id: string; blockers: string }[]>`
			WITH RECURSIVE above (id) AS (
				SELECT id FROM (
					SELECT unnest(${[...ids]}::uuid[]) EXCEPT SELECT blocker FROM task_blockers WHERE task = ${of}::uuid
				) AS added (id)
				UNION SELECT next.blocker FROM above CROSS JOIN LATERAL (
					SELECT blocker FROM task_blockers WHERE task = above.id OFFSET 0) AS next)
			SELECT id, array_to_string(ARRAY(SELECT blocker FROM task_blockers WHERE task = id), ' ') AS blockers
			FROM (SELECT id FROM above LIMIT ${blockersMax + 1}) AS above`;
		for (const { id, blockers } of found) this.#blockers.set(id, blockers === "" ? [] : blockers.split(" "));
		return [];
	}

	async #fetchParents(tx: Tx, ids: readonly string[]): Promise<readonly TaskState[]> {
		if (ids.length === 0) return [];
		const found = await tx<Pick<TaskRow, "id" | "parent">[]>`
			WITH RECURSIVE above (id, parent) AS (
				SELECT id, (SELECT parent FROM tasks WHERE tasks.id = wanted.id) FROM unnest(${[...ids]}::uuid[]) AS wanted (id)
				UNION SELECT above.parent, (SELECT tasks.parent FROM tasks WHERE tasks.id = above.parent)
				FROM above WHERE above.parent IS NOT NULL)
			SELECT id, parent FROM above LIMIT ${parentsMax + 1}`;
		for (const { id, parent } of found) this.#parents.set(id, parent);
		return [];
	}
}

function columns(tx: Tx): Fragment {
	return tx.unsafe(stateColumns);
}

function unique(ids: readonly string[]): readonly string[] {
	return [...new Set(ids)];
}
