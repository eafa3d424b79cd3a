import type { Log } from "../../log.ts";
import type { WriteCounts } from "../../metrics/store.ts";
import { withTimeout } from "../../timeout.ts";
import {
	type Needs,
	type Unit,
	unavailable,
	type Waiting,
	type Work,
	WriteQueue,
	type Writer,
} from "../writer.ts";
import type { Sql, Tx } from "./connection.ts";
import { sqlState, toAppError } from "./errors.ts";
import { EventAppender } from "./event-appender.ts";
import { IdempotencySet } from "./idempotency.ts";
import { JobSet } from "./jobs.ts";
import { TaskSet } from "./tasks.ts";

/** How long a group may take before its callers hear `unavailable`; the statements' own limit is shorter. */
const groupWithinMs = 15_000;

/**
 * Commits units in groups, one group at a time: units that arrive meanwhile share the next one. A group first takes
 * the log's head row, which every writer of every replica must hold to its commit, and fetches what its units will
 * look at; the units then run in memory, and everything they did is written back at once. So event numbers rise in
 * commit order, no check can go stale before its write, and a group costs four round trips (begin, fetch, write,
 * commit) whatever its size; one that looks at nothing costs one.
 */
export class PostgresWriter implements Writer {
	readonly #queue = new WriteQueue();
	#draining: Promise<void> | undefined;
	#isStopped = false;

	constructor(
		private readonly sql: Sql,
		private readonly log: Log,
	) {}

	async run<T>(unit: Unit<T>): Promise<T> {
		if (this.#isStopped) throw unavailable(new Error("the writer has stopped"));
		const done = this.#queue.add(unit);
		this.#draining ??= this.#drain();
		return done;
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
		await new Promise<void>((resolve) => setImmediate(resolve));
		while (!this.#queue.isEmpty) await this.#commitGroup(this.#queue.take());
		this.#draining = undefined;
	}

	async #commitGroup(group: readonly Waiting[]): Promise<void> {
		try {
			const outcomes = await withTimeout(groupWithinMs, this.#transact(group));
			for (const [index, waiting] of group.entries()) settle(waiting, outcomes[index]);
		} catch (error) {
			if (isFaultOfOne(error) && group.length > 1) return this.#commitSingly(group);
			this.log.error({ code: sqlState(error), units: group.length }, "A group of writes failed.");
			for (const { reject } of group) reject(toAppError(error));
		}
	}

	/** One unit's rows were refused by the database and took the group along: each now fails or succeeds alone. */
	async #commitSingly(group: readonly Waiting[]): Promise<void> {
		for (const waiting of group) await this.#commitGroup([waiting]);
	}

	#transact(group: readonly Waiting[]): Promise<readonly Outcome[]> {
		if (group.every(({ unit }) => looksAtNothing(unit))) return this.#transactBlind(group);
		return this.sql.begin(async (tx) => {
			const work = await fetchWork(
				tx,
				group.map(({ unit }) => unit.needs),
			);
			const outcomes = group.map(({ unit }) => work.apply(unit));
			await work.write(tx);
			return outcomes;
		}) as Promise<readonly Outcome[]>;
	}

	async #transactBlind(group: readonly Waiting[]): Promise<readonly Outcome[]> {
		const log = EventAppender.blind();
		const tasks = new TaskSet();
		const work = new GroupWork(log, tasks, new JobSet(), new IdempotencySet());
		const outcomes = group.map(({ unit }) => work.apply(unit));
		if (!log.isEmpty) await tasks.writeBlind(this.sql, log);
		return outcomes;
	}
}

/** Creations look at nothing that is there: their group needs no look first, and so only one statement. */
function looksAtNothing({ needs }: Unit<unknown>): boolean {
	return needs.tasks === undefined && needs.jobs === undefined && needs.answers === undefined;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

function settle(waiting: Waiting, outcome: Outcome | undefined): void {
	if (outcome !== undefined && "value" in outcome) waiting.resolve(outcome.value);
	else waiting.reject(outcome?.error);
}

/** Data exceptions and violated constraints (SQLSTATE classes 22 and 23) are of a row, not of the server. */
function isFaultOfOne(error: unknown): boolean {
	return /^(22|23)/.test(sqlState(error) ?? "");
}

/** What a group has in hand. The parts are fetched and written back with all statements in one flight. */
class GroupWork implements Work {
	constructor(
		readonly log: EventAppender,
		readonly tasks: TaskSet,
		readonly jobs: JobSet,
		readonly answers: IdempotencySet,
	) {}

	append: Work["append"] = (event) => this.log.append(event);

	now: Work["now"] = () => this.jobs.now();

	apply(unit: Unit<unknown>): Outcome {
		const parts = [this.log, this.tasks, this.jobs, this.answers];
		try {
			const value = unit.apply(this);
			for (const part of parts) part.keep();
			return { value };
		} catch (error) {
			for (const part of parts) part.takeBack();
			return { error };
		}
	}

	async write(tx: Tx): Promise<void> {
		await Promise.all([
			...this.log.write(tx),
			...this.tasks.write(tx),
			...this.jobs.write(tx),
			...this.answers.write(tx),
		]);
	}
}

async function fetchWork(tx: Tx, needs: readonly Needs[]): Promise<GroupWork> {
	// The head comes first on the wire: what is fetched after it is what the last holder committed.
	const [log, tasks, jobs, answers] = await Promise.all([
		EventAppender.take(tx),
		TaskSet.fetch(
			tx,
			needs.flatMap((need) => need.tasks ?? []),
		),
		JobSet.fetch(
			tx,
			needs.flatMap((need) => need.jobs ?? []),
		),
		IdempotencySet.fetch(
			tx,
			needs.flatMap((need) => need.answers ?? []),
		),
	]);
	return new GroupWork(log, tasks, jobs, answers);
}
