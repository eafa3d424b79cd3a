import type { EventDraft } from "../../kernel/event-draft.ts";
import type { Log } from "../../kernel/log.ts";
import { withTimeout } from "../../kernel/timeout.ts";
import { type AnyCollection, type Read, readSetsOf, type Unit } from "../../kernel/unit-of-work.ts";
import { type GroupResult, GroupWriter, type Outcome, settle } from "../group-writer.ts";
import type { Revised } from "../revised.ts";
import { type Group, onlyInserts, ScopedWork } from "../scoped-work.ts";
import { type PendingWrite, unavailable, writeLimits } from "../write-queue.ts";
import type { GroupRows, GroupSource, Units } from "./collection.ts";
import type { Sql, Tx } from "./connection.ts";
import { sqlState, toAppError } from "./errors.ts";
import { EventAppender } from "./event-appender.ts";
import type { EpochGuard } from "./log-epoch.ts";
import type { Pool } from "./pool.ts";

/**
 * A group first locks the log's head row, which every writer of every replica must hold until its commit, and fetches the
 * rows that its units read; the units then run in memory, and all their changes are written back at once. So event
 * numbers rise in commit order, no check can go stale before its write, and a group costs four round trips (begin, fetch,
 * write, commit) whatever its size; one that only inserts costs one.
 */
export class PostgresWriter extends GroupWriter {
	protected readonly commitBlocks = false;
	readonly #sources: ReadonlyMap<AnyCollection, GroupSource<never, unknown>>;
	/** Collections whose inserts may be part of the log's own statement. */
	readonly #insertable: ReadonlySet<AnyCollection>;

	constructor(
		private readonly pool: Pool,
		private readonly epochs: EpochGuard,
		registered: readonly Units[],
		log: Log,
	) {
		super(log);
		this.#sources = new Map(registered.map(({ collection, open }) => [collection, open({ pool, epochs })]));
		const insertable = [...this.#sources].filter(([, source]) => source.rows().insertAfter !== undefined);
		this.#insertable = new Set(insertable.map(([collection]) => collection));
	}

	override async stop(): Promise<void> {
		await super.stop();
		await Promise.all([...this.#sources.values()].map((source) => source.stop?.()));
	}

	protected async commit(group: readonly PendingWrite[]): Promise<GroupResult> {
		try {
			await this.#commitTogether(group);
		} catch (error) {
			if (!isOfOneRow(error)) throw error;
			// The row of one unit made the whole group fail: each unit now fails or succeeds alone. A unit that was alone is
			// done again too: a server of an earlier version may have written the same row without the lock of the head.
			await this.#commitSingly(group);
		}
		return "done";
	}

	async #commitTogether(group: readonly PendingWrite[]): Promise<void> {
		settle(group, await withTimeout(writeLimits.waitMsMax, this.#transact(group.map(({ unit }) => unit))));
	}

	async #commitSingly(group: readonly PendingWrite[]): Promise<void> {
		for (const [index, write] of group.entries()) {
			try {
				await this.#commitTogether([write]);
			} catch (error) {
				// A server that fails would fail each of the others too, and take as long every time.
				if (!isOfOneRow(error)) throw error;
				this.failGroup(group.slice(index, index + 1), error);
			}
		}
	}

	protected toAppError(error: unknown): unknown {
		return toAppError(error);
	}

	async #transact(units: readonly Unit<unknown>[]): Promise<readonly Outcome[]> {
		const reads = units.flatMap((unit) => unit.reads);
		await this.#prepare(reads);
		const first = await this.#tryTransact(units, reads);
		if (first !== undefined) return first;
		// Another server than the one last checked: its log may lack commits, whose numbers must not be assigned again.
		await this.epochs.check();
		await this.#prepare(reads);
		const second = await this.pool.run(() => this.#fetchAndWrite(units, reads));
		if (second === undefined) throw unavailable(new Error("the server has not been checked for a new epoch"));
		return second;
	}

	/** Waits, a turn at least, only where something is not there yet. */
	#prepare(reads: readonly Read[]): Promise<unknown> | undefined {
		const pending = [...this.#sources].flatMap(
			([collection, source]) => source.prepare?.(readSetsOf(collection, reads)) ?? [],
		);
		return pending.length > 0 ? Promise.all(pending) : undefined;
	}

	/** Returns undefined, and does nothing, where a statement alone may not be enough, or on an unchecked server. */
	#tryTransact(
		units: readonly Unit<unknown>[],
		reads: readonly Read[],
	): Promise<readonly Outcome[] | undefined> {
		return this.pool.run(() =>
			onlyInserts(reads) && reads.every(({ collection }) => this.#insertable.has(collection))
				? this.#insertAlone(units)
				: this.#fetchAndWrite(units, reads),
		);
	}

	#fetchAndWrite(
		units: readonly Unit<unknown>[],
		reads: readonly Read[],
	): Promise<readonly Outcome[] | undefined> {
		return this.pool.begin(async (tx) => {
			const rows = this.#newRows();
			// The head is locked first: what is fetched after it includes all that its last holder committed.
			const [{ log, now, instance }] = await Promise.all([
				EventAppender.take(tx),
				...[...rows].map(([collection, group]) => group.fetch(tx, readSetsOf(collection, reads))),
			]);
			if (instance !== this.epochs.instance) return undefined;
			const group = new PostgresGroup(rows, log, now);
			const outcomes = units.map((unit) => group.apply(unit));
			await group.unlessRefused(Promise.all(group.write(tx)));
			return outcomes;
		});
	}

	async #insertAlone(units: readonly Unit<unknown>[]): Promise<readonly Outcome[] | undefined> {
		const group = new PostgresGroup(this.#newRows(), new EventAppender(0), undefined);
		const outcomes = units.map((unit) => group.apply(unit));
		if (!group.isChanged) return outcomes;
		const isDone = await group.unlessRefused(group.insertAlone(this.pool.sql, this.epochs.instance));
		if (!isDone) group.abandon();
		return isDone ? outcomes : undefined;
	}

	#newRows(): Rows {
		return new Map([...this.#sources].map(([collection, source]) => [collection, source.rows()]));
	}
}

/** Data exceptions and violated constraints (SQLSTATE classes 22 and 23) are caused by a row, not by the server. */
function isOfOneRow(error: unknown): boolean {
	return /^(22|23)/.test(sqlState(error) ?? "");
}

type Rows = ReadonlyMap<AnyCollection, GroupRows<never, unknown>>;

/** The log and the rows of one group. They are written back with all statements pipelined. */
class PostgresGroup implements Group {
	readonly #parts: readonly (EventAppender | GroupRows<never, unknown>)[];

	constructor(
		private readonly byCollection: Rows,
		private readonly log: EventAppender,
		private readonly time: number | undefined,
	) {
		this.#parts = [log, ...byCollection.values()];
	}

	now(): number {
		if (this.time === undefined) throw new Error("a group that only inserts has no clock");
		return this.time;
	}

	rev(): number {
		return this.log.rev;
	}

	append(event: EventDraft): number {
		return this.log.append(event);
	}

	rows(collection: AnyCollection): unknown {
		return this.byCollection.get(collection)?.rows;
	}

	apply(unit: Unit<unknown>): Outcome {
		try {
			const value = unit.decide(new ScopedWork(unit, this));
			for (const part of this.#parts) part.keep();
			return { value };
		} catch (error) {
			for (const part of this.#parts) part.undo();
			return { error };
		}
	}

	get isChanged(): boolean {
		return !this.log.isEmpty || this.#changed().length > 0;
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return [
			...this.log.write(tx, this.#revised()),
			...[...this.byCollection.values()].flatMap((rows) => rows.write(tx)),
		];
	}

	/** Waits for the group to be written; where a row of it was refused, nothing was. */
	async unlessRefused<T>(written: Promise<T>): Promise<T> {
		try {
			return await written;
		} catch (error) {
			if (isOfOneRow(error)) this.abandon();
			throw error;
		}
	}

	abandon(): void {
		for (const rows of this.byCollection.values()) rows.abandon?.();
	}

	insertAlone(sql: Sql, checkedInstance: number): Promise<boolean> {
		return this.log.writeAlone(sql, checkedInstance, this.#revised(), (head) =>
			this.#changed().flatMap((rows) => rows.insertAfter?.(sql, head) ?? []),
		);
	}

	#changed(): readonly GroupRows<never, unknown>[] {
		return [...this.byCollection.values()].filter(({ changedSpaces }) => changedSpaces.size > 0);
	}

	/** The revisions that the group raises. */
	#revised(): readonly Revised[] {
		return [...this.byCollection].flatMap(([{ name, hasRevision }, { changedSpaces }]) =>
			hasRevision ? [...changedSpaces].map((space) => ({ space, collection: name })) : [],
		);
	}
}
