import type { Database } from "bun:sqlite";
import {
	byLeaseOrder,
	jobs as collection,
	type JobCounts,
	type JobKey,
	type JobRow,
	type JobRows,
	type JobState,
	type JobStore,
	type LeaseReadSet,
	type QueueName,
} from "../../../jobs/store.ts";
import type { SpaceId } from "../../../kernel/space.ts";
import { CountDifferences } from "../../collections/job-counts.ts";
import { leaseOrder } from "../../collections/jobs.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import { selection } from "../../table-columns.ts";
import { type Registration, RowsInPlace, unitsOf } from "../collection.ts";
import { TableStatements } from "../table-statements.ts";
import { countAdder } from "./job-counts.ts";
import { jobStore } from "./job-store.ts";
import { jobCountTable, jobTable } from "./job-tables.ts";

export const jobs = {
	tables: { jobs: jobTable, jobCounts: jobCountTable },
	units: unitsOf(collection, (database: Database) => new JobRowsInPlace(database)),
	beginEpoch(database: Database, { fenceMin }: NewEpoch): void {
		database.run("UPDATE jobs SET fence = max(fence + 1, ?) WHERE state <> 'succeeded'", [fenceMin]);
	},
	store: jobStore,
} satisfies Registration<JobStore, { jobs: JobRow; jobCounts: JobCounts }>;

/**
 * Rows as a unit sees them, inside the writer's transaction. Only raw statements: every job takes several of them, and
 * drizzle's placeholders cost as much as the statement itself.
 */
export class JobRowsInPlace extends RowsInPlace implements JobRows {
	readonly #byId;
	readonly #byKey;
	readonly #next;
	readonly #due;
	readonly #expired;
	readonly #statements;
	readonly #addToCounts;
	#moves: Move[] = [];
	#keptMoves = 0;

	constructor(database: Database) {
		super();
		this.#byId = database.query<JobRow, [string]>(jobById);
		this.#byKey = database.query<JobRow, [SpaceId, string, string]>(`SELECT ${columns} FROM jobs
			WHERE space = ? AND queue = ? AND unique_key = ? AND state IN ('leased', 'queued', 'scheduled')`);
		this.#next = database.query<Candidate, NextParameters>(nextOfQueue);
		this.#due = database.query<Candidate, { now: number; limit: number }>(dueOfAll);
		this.#expired = database.query<{ id: string }, { now: number; limit: number }>(expiredLeases);
		this.#statements = new TableStatements(database, jobTable, {
			key: "id",
			fixed: ["space", "queue", "kind", "payload", "priority", "maxAttempts", "uniqueKey", "createdAt"],
			guard: "fence",
		});
		this.#addToCounts = countAdder(database);
	}

	override begin(): void {
		super.begin();
		this.#moves = [];
		this.#keptMoves = 0;
	}

	find(id: string): JobRow | undefined {
		return this.#byId.get(id) ?? undefined;
	}

	findUnfinished({ space, queue, uniqueKey }: JobKey): JobRow | undefined {
		return this.#byKey.get(space, queue, uniqueKey) ?? undefined;
	}

	leasable({ space, queues, limit }: LeaseReadSet, now: number): readonly JobRow[] {
		const wanted = new Set(queues);
		const candidates = [...wanted].flatMap((queue) => this.#next.all({ space, queue, limit }));
		const due = this.#due.all({ now, limit });
		candidates.push(...due.filter((job) => job.space === space && wanted.has(job.queue)));
		return this.#rows(candidates.sort(byLeaseOrder).slice(0, limit));
	}

	due(limit: number, now: number): readonly JobRow[] {
		return this.#rows(this.#due.all({ now, limit }));
	}

	expired(limit: number, now: number): readonly JobRow[] {
		return this.#rows(this.#expired.all({ now, limit }));
	}

	insert(job: JobRow): void {
		this.wrote(job);
		this.#statements.insert(job);
		this.#moves.push({ queue: job, from: undefined, to: job.state });
	}

	update(current: JobRow, next: JobRow): void {
		this.wrote(current);
		const { id, fence, state } = current;
		if (this.#statements.update(next, current) !== 1)
			throw new Error(`job ${id} is not under fence ${fence} any more`);
		if (state !== next.state) this.#moves.push({ queue: current, from: state, to: next.state });
	}

	override keep(): void {
		super.keep();
		this.#keptMoves = this.#moves.length;
	}

	override undo(): void {
		super.undo();
		this.#moves.length = this.#keptMoves;
	}

	/** What the group's changes add to the counts. */
	override write(): void {
		const differences = new CountDifferences();
		for (const { queue, from, to } of this.#moves) {
			if (from !== undefined) differences.add(queue, from, -1);
			differences.add(queue, to, 1);
		}
		this.#addToCounts(differences);
	}

	#rows(found: readonly { readonly id: string }[]): readonly JobRow[] {
		return found.flatMap(({ id }) => this.find(id) ?? []);
	}
}

interface Move {
	readonly queue: QueueName;
	readonly from: JobState | undefined;
	readonly to: JobState;
}

type NextParameters = { space: SpaceId; queue: string; limit: number };
type Candidate = Pick<JobRow, "id" | "space" | "queue" | "priority" | "runAt">;

const columns = selection(jobTable);

const jobById = `SELECT ${columns} FROM jobs WHERE id = ?`;

/**
 * Each statement names its index: SQLite's planner assumes that an equality on any index leaves ten rows, and so would
 * sort all jobs of a state instead of reading the first entries of the short index that has the right order. `+$space`,
 * `+$queue` and `abs($limit)` hide the parameters from it: it makes a new plan for each value that it sees, 17 µs instead of 5.
 */
export const nextOfQueue = `SELECT id, space, queue, priority, run_at AS runAt FROM jobs INDEXED BY jobs_leasable
	WHERE space = +$space AND queue = +$queue AND state = 'queued' ORDER BY ${leaseOrder} LIMIT abs($limit)`;
export const dueOfAll = `SELECT id, space, queue, priority, run_at AS runAt FROM jobs INDEXED BY jobs_due
	WHERE state = 'scheduled' AND run_at <= $now ORDER BY run_at LIMIT abs($limit)`;
export const expiredLeases = `SELECT id FROM jobs INDEXED BY jobs_expiring
	WHERE state = 'leased' AND lease_expires_at <= $now ORDER BY lease_expires_at LIMIT abs($limit)`;
