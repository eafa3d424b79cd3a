import type { Database } from "bun:sqlite";
import type { SpaceId } from "../../../kernel/space.ts";
import type { TaskNumberRow } from "../../../tasks/store.ts";

/**
 * The numbers of tasks, from the begin to the commit of a group: read once a space and group, and written once. Taken in
 * the transaction, so that a change that fails leaves no gap.
 */
export class TaskNumbers {
	readonly #read;
	readonly #write;
	readonly #next = new Map<SpaceId, number>();
	readonly #kept = new Map<SpaceId, number>();

	constructor(database: Database) {
		this.#read = database.query<Pick<TaskNumberRow, "next">, [SpaceId]>(
			"SELECT next FROM task_numbers WHERE space = ?",
		);
		this.#write = database.query<
			never,
			[SpaceId, number]
		>(`INSERT INTO task_numbers (space, next) VALUES (?, ?)
			ON CONFLICT (space) DO UPDATE SET next = excluded.next`);
	}

	begin(): void {
		this.#next.clear();
		this.#kept.clear();
	}

	take(space: SpaceId): number {
		const number = this.#next.get(space) ?? this.#read.get(space)?.next ?? 1;
		this.#next.set(space, number + 1);
		return number;
	}

	keep(): void {
		for (const [space, next] of this.#next) this.#kept.set(space, next);
	}

	undo(): void {
		this.#next.clear();
		for (const [space, next] of this.#kept) this.#next.set(space, next);
	}

	/** Before the group's commit. */
	write(): void {
		for (const [space, next] of this.#kept) this.#write.run(space, next);
	}
}
