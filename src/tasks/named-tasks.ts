import { type InSpace, inSpace, isWithin, type SpaceId, type UnitSpace } from "../kernel/space.ts";
import { requireNamed } from "../kernel/unit-of-work.ts";
import type { TaskReadSet, TaskRow, TaskRows, TaskState } from "./store.ts";

/** Tasks as far as a read set names them, and of one space alone. */
export class NamedTasks implements TaskRows {
	/** Tasks that were found by what they wait for, or by their time. */
	readonly #found = new Set<string>();
	#numbersTaken = 0;
	#ids: ReadonlySet<string> | undefined;

	constructor(
		private readonly rows: TaskRows,
		private readonly readSet: TaskReadSet,
		private readonly space: UnitSpace,
	) {}

	find(id: string): TaskRow | undefined {
		this.#requireId(id);
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
	}

	update(current: TaskRow, next: TaskRow): void {
		if (!this.#found.has(current.id)) this.#requireId(current.id);
		this.#requireWithin(current);
		this.rows.update(current, next);
	}

	remove(row: TaskRow): void {
		this.#requireId(row.id);
		this.#requireWithin(row);
		this.rows.remove(row);
	}

	nextNumber(space: SpaceId): number {
		const { numbers } = this.readSet;
		requireNamed(numbers?.space === space && this.#numbersTaken < numbers.count, "the number of a task");
		this.#numbersTaken++;
		return this.rows.nextNumber(space);
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

	#requireListed(part: "states" | "namedBy" | "waitingFor", id: string): void {
		requireNamed(this.readSet[part]?.includes(id) ?? false, "a task");
	}

	#requireWithin(row: InSpace): void {
		requireNamed(isWithin(this.space, row), "a task of another space");
	}
}
