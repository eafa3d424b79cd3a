import type { SpaceId } from "../../../kernel/space.ts";
import { type EpochGuard, instanceOf } from "../log-epoch.ts";
import type { Pool } from "../pool.ts";

/** How many numbers are reserved at once, where one group does not need more. */
const blockSizeMin = 100;
/** For how many groups like this one numbers are reserved at once. */
const groupsAhead = 8;

/** Numbers from `next` to below `end` that this process has reserved. */
interface Block {
	next: number;
	end: number;
}

/**
 * The numbers of tasks. They are reserved in blocks before a group of units begins, so that the statement that inserts a
 * task knows its number. Only the writer uses them, one group at a time.
 */
export class TaskNumbers {
	readonly #blocks = new Map<SpaceId, Block[]>();
	/** The server that the blocks were reserved on. Another one may lack that commit, and so reserve them again. */
	#instance = 0;
	/** The blocks that the group, and that the current unit, have taken a number from. */
	readonly #ofGroup: Block[] = [];
	readonly #ofUnit: Block[] = [];

	constructor(
		private readonly pool: Pool,
		private readonly epochs: EpochGuard,
	) {}

	/** Makes sure that a group can take `count` numbers of a space. Returns undefined if it can already. */
	prepare(space: SpaceId, count: number): Promise<void> | undefined {
		if (this.#instance !== this.epochs.instance) this.#blocks.clear();
		this.#instance = this.epochs.instance;
		const left = (this.#blocks.get(space) ?? []).reduce((sum, { next, end }) => sum + end - next, 0);
		return left >= count ? undefined : this.#reserve(space, Math.max(blockSizeMin, count * groupsAhead));
	}

	/** The next number of a space, which `prepare` has made sure of. */
	take(space: SpaceId): number {
		const block = this.#blocks.get(space)?.find(({ next, end }) => next < end);
		if (block === undefined) throw new Error("no number of a task was reserved");
		this.#ofUnit.push(block);
		return block.next++;
	}

	/** Before the units of a group run. */
	begin(): void {
		this.#ofGroup.length = 0;
		this.#ofUnit.length = 0;
	}

	/** Keeps the numbers that the current unit has taken. */
	keep(): void {
		this.#ofGroup.push(...this.#ofUnit);
		this.#ofUnit.length = 0;
	}

	/** Puts the current unit's numbers back. */
	undo(): void {
		putBack(this.#ofUnit);
	}

	/** Puts all numbers of the group back: nothing of it was written. */
	abandon(): void {
		putBack(this.#ofUnit);
		putBack(this.#ofGroup);
	}

	/** Gives back what is left of the newest blocks, so that restarts leave no gaps. */
	async stop(): Promise<void> {
		const { sql } = this.pool;
		for (const [space, blocks] of this.#blocks) {
			const last = blocks.at(-1);
			if (last === undefined || last.next === last.end || this.#instance !== this.epochs.instance) continue;
			await this.pool.query(
				() => sql`UPDATE task_numbers SET next = ${last.next}::bigint
					WHERE space = ${space} AND next = ${last.end}::bigint AND ${instanceOf(sql)} = ${this.#instance}::bigint`,
			);
		}
		this.#blocks.clear();
	}

	async #reserve(space: SpaceId, count: number): Promise<void> {
		const { sql } = this.pool;
		const [row] = await this.pool.query(
			() => sql<{ next: number; instance: number }[]>`
				INSERT INTO task_numbers (space, next) VALUES (${space}, 1 + ${count}::bigint)
				ON CONFLICT (space) DO UPDATE SET next = task_numbers.next + ${count}::bigint
				RETURNING next, ${instanceOf(sql)} AS instance`,
		);
		if (row === undefined) throw new Error("the numbers of tasks cannot be reserved");
		if (row.instance !== this.#instance) return this.#reserveOnChecked(space, count);
		const blocks = (this.#blocks.get(space) ?? []).filter(({ next, end }) => next < end);
		const last = blocks.at(-1);
		if (last?.end === row.next - count) last.end = row.next;
		else blocks.push({ next: row.next - count, end: row.next });
		this.#blocks.set(space, blocks);
	}

	/** The server is not the one last checked: what it reserved goes unused. */
	async #reserveOnChecked(space: SpaceId, count: number): Promise<void> {
		await this.epochs.check();
		await this.prepare(space, count);
	}
}

function putBack(taken: Block[]): void {
	for (const block of taken) block.next--;
	taken.length = 0;
}
