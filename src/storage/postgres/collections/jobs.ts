import {
	byLeaseOrder,
	jobs as collection,
	type JobCounts,
	type JobKey,
	type JobReadSet,
	type JobRow,
	type JobRows,
	type JobStore,
	type LeaseReadSet,
	textOfKey,
} from "../../../jobs/store.ts";
import { hasRunOut } from "../../../kernel/lease.ts";
import { CountDifferences } from "../../collections/job-counts.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import { type GroupRows, type Registration, unitsOf } from "../collection.ts";
import type { Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import { addToCounts } from "./job-counts.ts";
import { fetchStatements, jobStatements } from "./job-statements.ts";
import { jobStore } from "./job-store.ts";
import { jobCountTable, jobTable } from "./job-tables.ts";

export const jobs = {
	tables: { jobs: jobTable, jobCounts: jobCountTable },
	units: unitsOf(collection, () => new JobGroupRows()),
	beginEpoch: (tx: Tx, { fenceMin }: NewEpoch) =>
		tx`UPDATE jobs SET fence = GREATEST(fence + 1, ${fenceMin}::bigint) WHERE state <> 'succeeded'`,
	store: jobStore,
} satisfies Registration<JobStore, { jobs: JobRow; jobCounts: JobCounts }>;

export class JobGroupRows extends IdentityMap<JobRow> implements JobRows, GroupRows<JobReadSet, JobRows> {
	readonly rows = this;
	/** Ids of jobs by key; a job may have ended, or its insert may have been undone, since. */
	readonly #idsByKey = new Map<string, Set<string>>();

	constructor() {
		super(
			({ id }) => id,
			({ space }) => space,
		);
	}

	async fetch(tx: Tx, readSets: readonly JobReadSet[]): Promise<void> {
		for (const rows of await Promise.all(fetchStatements(tx, readSets))) this.load(rows);
	}

	override load(rows: Iterable<JobRow>): void {
		const loaded = [...rows];
		super.load(loaded);
		for (const row of loaded) this.#index(row);
	}

	find(id: string): JobRow | undefined {
		return this.get(id);
	}

	findUnfinished(key: JobKey): JobRow | undefined {
		for (const id of this.#idsByKey.get(textOfKey(key)) ?? []) {
			const job = this.get(id);
			if (job !== undefined && isUnfinished(job)) return job;
		}
		return undefined;
	}

	leasable({ space, queues, limit }: LeaseReadSet, now: number): readonly JobRow[] {
		const isWanted = new Set(queues);
		const wanted = [...this.values()].filter(
			(job) => job.space === space && isWanted.has(job.queue) && (job.state === "queued" || isDue(job, now)),
		);
		return wanted.sort(byLeaseOrder).slice(0, limit);
	}

	due(limit: number, now: number): readonly JobRow[] {
		return [...this.values()].filter((job) => isDue(job, now)).slice(0, limit);
	}

	expired(limit: number, now: number): readonly JobRow[] {
		return [...this.values()].filter((job) => hasRunOut(job, now)).slice(0, limit);
	}

	insert(row: JobRow): void {
		this.#index(row);
		this.add(row);
	}

	update(current: JobRow, next: JobRow): void {
		const { id, fence } = current;
		if (this.get(id)?.fence !== fence) throw new Error(`job ${id} is not under fence ${fence} any more`);
		this.put(next);
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		const { inserted, updated } = this.changes();
		const changed = updated.flatMap((next): JobChange[] => {
			const before = this.before(next);
			return before === undefined ? [] : [{ before, next }];
		});
		const statements = addToCounts(tx, differences(inserted, changed));
		if (changed.length > 0) statements.push(requireCount(changed.length, update(tx, changed)));
		if (inserted.length > 0) statements.push(jobStatements.insert(tx, inserted));
		return statements;
	}

	#index({ space, id, queue, uniqueKey }: JobRow): void {
		if (uniqueKey === null) return;
		const key = textOfKey({ space, queue, uniqueKey });
		const ids = this.#idsByKey.get(key);
		if (ids === undefined) this.#idsByKey.set(key, new Set([id]));
		else ids.add(id);
	}
}

interface JobChange {
	readonly before: JobRow;
	readonly next: JobRow;
}

function update(tx: Tx, changes: readonly JobChange[]): PromiseLike<{ readonly count: number }> {
	return jobStatements.update(
		tx,
		changes.map(({ next }) => next),
		changes.map(({ before }) => before),
	);
}

function differences(inserted: readonly JobRow[], changed: readonly JobChange[]): CountDifferences {
	const counts = new CountDifferences();
	for (const row of inserted) counts.add(row, row.state, 1);
	for (const { before, next } of changed) {
		counts.add(before, before.state, -1);
		counts.add(next, next.state, 1);
	}
	return counts;
}

function isUnfinished({ state }: JobRow): boolean {
	return state === "leased" || state === "queued" || state === "scheduled";
}

function isDue({ state, runAt }: JobRow, now: number): boolean {
	return state === "scheduled" && runAt <= now;
}

/** Fails the group unless the statement changed this many rows. */
async function requireCount(
	expected: number,
	statement: PromiseLike<{ readonly count: number }>,
): Promise<void> {
	const { count } = await statement;
	if (count !== expected) throw new Error(`${expected - count} of ${expected} jobs were under another fence`);
}
