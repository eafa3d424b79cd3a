import type { Database } from "bun:sqlite";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { WriteCounts } from "../../metrics/store.ts";
import {
	type Unit,
	unavailable,
	type Waiting,
	type Work,
	WriteQueue,
	type Writer,
	waitMsMax,
} from "../writer.ts";
import type { Db } from "./connection.ts";
import { isBusy, toAppError } from "./errors.ts";
import { EventAppender } from "./event-appender.ts";
import { idempotencyRecords } from "./idempotency.ts";
import { JobRows } from "./jobs.ts";
import { taskRows } from "./tasks.ts";

/** Between two tries for a lock that another process holds. */
const busyRetryMs = 20;

/**
 * Commits units in groups: those that arrive while a commit is under way, or in the same turn of the event loop,
 * share the next one and its flush to disk. A unit that throws fails alone.
 */
export class SqliteWriter implements Writer {
	readonly #queue = new WriteQueue();
	readonly #log: EventAppender;
	readonly #jobs: JobRows;
	readonly #work: Work;
	readonly #begin;
	readonly #commit;
	readonly #rollback;
	readonly #savepoint;
	readonly #release;
	readonly #undo;
	#draining: Promise<void> | undefined;
	#isStopped = false;
	#commits = 0;

	constructor(
		private readonly database: Database,
		db: Db,
		private readonly logger: Log,
		private readonly committed: () => void,
	) {
		const tail = new EventAppender(database);
		const jobs = new JobRows(database);
		this.#log = tail;
		this.#jobs = jobs;
		this.#work = {
			tasks: taskRows(database, db),
			jobs,
			answers: idempotencyRecords(db),
			append: (event) => tail.append(event),
			now: () => jobs.now(),
		};
		this.#begin = database.query("BEGIN IMMEDIATE");
		this.#commit = database.query("COMMIT");
		this.#rollback = database.query("ROLLBACK");
		this.#savepoint = database.query("SAVEPOINT unit");
		this.#release = database.query("RELEASE unit");
		this.#undo = database.query("ROLLBACK TO unit");
	}

	run<T>(unit: Unit<T>): Promise<T> {
		if (this.#isStopped) return Promise.reject(unavailable(new Error("the writer has stopped")));
		const done = this.#queue.add(unit);
		this.#draining ??= this.#drain();
		return done;
	}

	/** Commits so far: what tells a change of a database that no other process can reach. */
	get commits(): number {
		return this.#commits;
	}

	get counts(): WriteCounts {
		return this.#queue.counts;
	}

	/** Commits what has been handed in. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		await this.#draining;
	}

	async #drain(): Promise<void> {
		while (!this.#queue.isEmpty) {
			// One turn of the event loop lets every request that has arrived already join the group.
			await new Promise<void>((resolve) => setImmediate(resolve));
			const group = this.#queue.take();
			if (!this.#commitGroup(group)) {
				this.#queue.putBack(group);
				await Bun.sleep(busyRetryMs);
				this.#queue.expire(new Error(`another process held the lock for ${waitMsMax} ms`));
			}
		}
		this.#draining = undefined;
	}

	/** False if another process holds the lock: then nothing has been begun. */
	#commitGroup(group: readonly Waiting[]): boolean {
		try {
			this.#begin.run();
			const outcomes = this.#applyTogether(group) ?? this.#applyApart(group);
			this.#log.write();
			this.#jobs.write();
			this.#commit.run();
			this.#commits++;
			for (const [index, waiting] of group.entries()) settle(waiting, outcomes[index]);
		} catch (error) {
			if (isBusy(error) && !this.database.inTransaction) return false;
			this.#abandon(group, error);
		}
		this.committed();
		return true;
	}

	/**
	 * Without savepoints, each of which makes SQLite copy the pages that its unit touches: half a change's cost on top.
	 * A unit that refuses has not written yet. If one fails that may have, nothing of the group stays: undefined, and the
	 * transaction is new.
	 */
	#applyTogether(group: readonly Waiting[]): readonly Outcome[] | undefined {
		this.#takeEnds();
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
			return this.#kept(unit.apply(this.#work));
		} catch (error) {
			if (error instanceof AppError && !this.#log.isChanged && !this.#jobs.isChanged) return { error };
			throw error;
		}
	}

	#applyApart(group: readonly Waiting[]): readonly Outcome[] {
		this.#takeEnds();
		return group.map(({ unit }) => this.#applyAlone(unit));
	}

	#takeEnds(): void {
		this.#log.take();
		this.#jobs.take();
	}

	#kept(value: unknown): Outcome {
		this.#log.keep();
		this.#jobs.keep();
		return { value };
	}

	#applyAlone(unit: Unit<unknown>): Outcome {
		this.#savepoint.run();
		try {
			const value = unit.apply(this.#work);
			this.#release.run();
			return this.#kept(value);
		} catch (error) {
			// A full disk ends the whole transaction by itself; then the group fails together.
			if (!this.database.inTransaction) throw error;
			this.#log.takeBack();
			this.#jobs.takeBack();
			this.#undo.run();
			this.#release.run();
			return { error: toAppError(error) };
		}
	}

	#abandon(group: readonly Waiting[], error: unknown): void {
		this.logger.error({ err: error, units: group.length }, "A group of writes failed.");
		if (this.database.inTransaction) this.#rollback.run();
		for (const { reject } of group) reject(toAppError(error));
	}
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

function settle(waiting: Waiting, outcome: Outcome | undefined): void {
	if (outcome !== undefined && "value" in outcome) waiting.resolve(outcome.value);
	else waiting.reject(outcome?.error);
}
