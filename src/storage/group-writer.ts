import type { Log } from "../kernel/log.ts";
import { nextTurn } from "../kernel/next-turn.ts";
import type { Unit } from "../kernel/unit-of-work.ts";
import type { WriteCounts } from "../metrics/store.ts";
import { type PendingWrite, unavailable, type WriteLimits, WriteQueue, writeLimits } from "./write-queue.ts";

/** The outcome of one unit of a group. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** `busy`: the group was not begun, because another process holds the database's lock. */
export type GroupResult = "done" | "busy";

/** The pause between two attempts to get a lock that another process holds. */
const busyRetryMs = 20;

/**
 * Commits units of work in groups, one group at a time: units that arrive while a commit is in progress, or in the same
 * turn of the event loop, share the next one and its flush to disk. A unit that throws fails alone. Each database
 * implements the commit of a group.
 */
export abstract class GroupWriter {
	readonly #queue: WriteQueue;
	#draining: Promise<void> | undefined;
	#isStopped = false;

	protected constructor(
		protected readonly log: Log,
		limits: WriteLimits = writeLimits,
	) {
		this.#queue = new WriteQueue(limits);
	}

	/** Resolves after the unit's commit is on disk, never before. */
	run<T>(unit: Unit<T>): Promise<T> {
		if (this.#isStopped) return Promise.reject(unavailable(new Error("the writer has stopped")));
		const outcome = this.#queue.add(unit);
		this.#draining ??= this.#drain();
		return outcome;
	}

	get counts(): WriteCounts {
		return this.#queue.counts;
	}

	/** Commits the pending units, then resolves. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		await this.#draining;
	}

	/** Whether the event loop stands still during a commit, so that no request arrives meanwhile. */
	protected abstract readonly commitBlocks: boolean;

	/** Gives every unit of the group its outcome, unless the group is busy. */
	protected abstract commit(group: readonly PendingWrite[]): GroupResult | Promise<GroupResult>;

	/** The error that a caller gets for a database error. */
	protected abstract toAppError(error: unknown): unknown;

	async #drain(): Promise<void> {
		try {
			// A turn of the event loop, so that every request that has already arrived joins the group.
			await nextTurn();
			while (!this.#queue.isEmpty) {
				const result = await this.#commitNext();
				if (result === "busy") await Bun.sleep(busyRetryMs);
				else if (this.commitBlocks) await nextTurn();
			}
		} finally {
			this.#draining = undefined;
		}
	}

	/** Never throws: an error rejects the writes of the group, and the next group is committed. */
	async #commitNext(): Promise<GroupResult> {
		const group = this.#queue.take();
		try {
			const result = await this.commit(group);
			if (result === "busy") this.#queue.putBack();
			return result;
		} catch (error) {
			this.failGroup(group, error);
			return "done";
		} finally {
			this.#queue.done();
		}
	}

	protected failGroup(group: readonly PendingWrite[], error: unknown): void {
		this.log.error({ err: error, units: group.length }, "A group of writes failed.");
		for (const write of group) write.fail(this.toAppError(error));
	}
}

export function settle(group: readonly PendingWrite[], outcomes: readonly Outcome[]): void {
	for (const [index, write] of group.entries()) {
		const outcome = outcomes[index];
		if (outcome !== undefined && "value" in outcome) write.succeed(outcome.value);
		else write.fail(outcome?.error);
	}
}
