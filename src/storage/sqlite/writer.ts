import type { Database } from "bun:sqlite";
import { AppError } from "../../kernel/errors.ts";
import type { EventDraft } from "../../kernel/event-draft.ts";
import type { Log } from "../../kernel/log.ts";
import type { AnyCollection, Unit } from "../../kernel/unit-of-work.ts";
import { type GroupResult, GroupWriter, type Outcome, settle } from "../group-writer.ts";
import type { Revised } from "../revised.ts";
import { type Group, ScopedWork } from "../scoped-work.ts";
import { type PendingWrite, unavailable } from "../write-queue.ts";
import { databaseClock } from "./clock.ts";
import type { RowsInPlace } from "./collection.ts";
import { DatabaseFiles } from "./database-files.ts";
import { isBusy } from "./errors.ts";
import { EventAppender } from "./event-appender.ts";

type Rows = ReadonlyMap<AnyCollection, RowsInPlace>;

/** A group is one transaction on the process's one connection. */
export class SqliteWriter extends GroupWriter {
	protected readonly commitBlocks = true;
	readonly #group: SqliteGroup;
	readonly #begin;
	readonly #commit;
	readonly #rollback;
	readonly #savepoint;
	readonly #release;
	readonly #undo;
	#ended = 0;

	constructor(
		private readonly database: Database,
		rows: Rows,
		log: Log,
		private readonly committed: () => void,
		private readonly files = new DatabaseFiles(undefined, 0, log),
	) {
		super(log);
		this.#group = new SqliteGroup(database, rows);
		this.#begin = database.query("BEGIN IMMEDIATE");
		this.#commit = database.query("COMMIT");
		this.#rollback = database.query("ROLLBACK");
		this.#savepoint = database.query("SAVEPOINT unit");
		this.#release = database.query("RELEASE unit");
		this.#undo = database.query("ROLLBACK TO unit");
	}

	/** How many groups this process has ended, by a commit or not. */
	get ended(): number {
		return this.#ended;
	}

	protected commit(group: readonly PendingWrite[]): GroupResult {
		// A rollback that failed left a transaction open, and no other one can begin inside it.
		if (this.database.inTransaction) this.#rollback.run();
		if (this.files.isStillLost()) return refuse(group);
		try {
			this.#begin.run();
			const outcomes = this.#applyTogether(group) ?? this.#applyApart(group);
			this.#group.write();
			this.#commit.run();
			this.#ended++;
			if (this.files.isIntact()) settle(group, outcomes);
			else refuse(group);
		} catch (error) {
			if (isBusy(error) && !this.database.inTransaction) return "busy";
			this.#ended++;
			if (this.files.explain(error)) refuse(group);
			else this.failGroup(group, error);
			if (this.database.inTransaction) this.#rollback.run();
		}
		this.committed();
		return "done";
	}

	protected toAppError(error: unknown): unknown {
		return this.files.toAppError(error);
	}

	/**
	 * Without savepoints: each makes SQLite copy the pages that its unit touches, which adds half the cost of a change.
	 * A unit that throws an `AppError` before it writes fails alone. If any other one fails, the whole group is rolled
	 * back, a new transaction begins, and this returns undefined.
	 */
	#applyTogether(group: readonly PendingWrite[]): readonly Outcome[] | undefined {
		this.#group.begin();
		try {
			return group.map(({ unit }) => this.#apply(unit));
		} catch (error) {
			if (!this.database.inTransaction) throw error;
			this.#rollback.run();
			this.#begin.run();
			return undefined;
		}
	}

	#apply(unit: Unit<unknown>): Outcome {
		try {
			return this.#decide(unit);
		} catch (error) {
			if (error instanceof AppError && !this.#group.isChangedByUnit) return { error };
			throw error;
		}
	}

	#decide(unit: Unit<unknown>): Outcome {
		const value = unit.decide(new ScopedWork(unit, this.#group));
		this.#group.keep();
		return { value };
	}

	#applyApart(group: readonly PendingWrite[]): readonly Outcome[] {
		this.#group.begin();
		return group.map(({ unit }) => this.#applyAlone(unit));
	}

	#applyAlone(unit: Unit<unknown>): Outcome {
		this.#savepoint.run();
		try {
			const outcome = this.#decide(unit);
			this.#release.run();
			return outcome;
		} catch (error) {
			// A full disk ends the whole transaction by itself; then the group fails together.
			if (!this.database.inTransaction) throw error;
			this.#group.undo();
			this.#undo.run();
			this.#release.run();
			return { error: this.toAppError(error) };
		}
	}
}

/** Fails a group that would not be there after a restart. Without a cause: the files' one line in the log has it. */
function refuse(group: readonly PendingWrite[]): GroupResult {
	for (const write of group) write.fail(unavailable(undefined));
	return "done";
}

/** The current group; the groups run one after the other on the same connection. */
class SqliteGroup implements Group {
	readonly #log: EventAppender;
	readonly #clock: () => number;
	readonly #parts: readonly (RowsInPlace | EventAppender)[];
	#now: number | undefined;

	constructor(
		database: Database,
		private readonly byCollection: Rows,
	) {
		this.#log = new EventAppender(database);
		this.#clock = databaseClock(database);
		this.#parts = [this.#log, ...byCollection.values()];
	}

	now(): number {
		this.#now ??= this.#clock();
		return this.#now;
	}

	rev(): number {
		return this.#log.rev;
	}

	append(event: EventDraft): number {
		return this.#log.append(event);
	}

	rows(collection: AnyCollection): unknown {
		return this.byCollection.get(collection);
	}

	begin(): void {
		this.#now = undefined;
		for (const part of this.#parts) part.begin();
	}

	get isChangedByUnit(): boolean {
		return this.#parts.some((part) => part.isChangedByUnit);
	}

	keep(): void {
		for (const part of this.#parts) part.keep();
	}

	undo(): void {
		for (const part of this.#parts) part.undo();
	}

	/** Before the commit. */
	write(): void {
		const revised: Revised[] = [];
		for (const [{ name, hasRevision }, rows] of this.byCollection) {
			rows.write();
			if (hasRevision) for (const space of rows.changedSpaces) revised.push({ space, collection: name });
		}
		this.#log.write(revised);
	}
}
