import { and, eq, sql } from "drizzle-orm";
import type { JobStore, QueueStats, ReadyQueue } from "../../../jobs/store.ts";
import type { SpaceId, UnitSpace } from "../../../kernel/space.ts";
import { CountDifferences, isEmpty } from "../../collections/job-counts.ts";
import { jobPage, pageOf } from "../../collections/jobs.ts";
import { databaseClock } from "../clock.ts";
import type { StoreContext } from "../collection.ts";
import type { Db } from "../connection.ts";
import { countAdder } from "./job-counts.ts";
import { jobCountTable, jobTable } from "./job-tables.ts";

export function jobStore({ database, db, run, read }: StoreContext): JobStore {
	const now = databaseClock(database);
	const addToCounts = countAdder(database);
	const byId = db
		.select()
		.from(jobTable)
		.where(and(eq(jobTable.id, sql.placeholder("id")), eq(jobTable.space, sql.placeholder("space"))))
		.prepare();
	const nextDue = database.query<Earliest, []>(earliestDue);
	const nextExpiry = database.query<Earliest, []>(earliestExpiry);
	const oldest = database.query<Earliest, [SpaceId, string]>(oldestOfQueue);
	const queued = database.query<ReadyQueue, [SpaceId, string]>(queuedOfQueue);
	// One transaction, so that counts and ages are of one snapshot even while another process writes.
	const stats = database.transaction((space: UnitSpace): readonly QueueStats[] => {
		const at = now();
		return db
			.select()
			.from(jobCountTable)
			.where(space === "every" ? undefined : eq(jobCountTable.space, space))
			.orderBy(jobCountTable.space, jobCountTable.queue)
			.all()
			.map((counts) => {
				const since = oldest.get(counts.space, counts.queue)?.at ?? null;
				return { counts, oldestQueuedMs: since === null ? null : at - since };
			});
	});

	return {
		find: (space, id) => read(() => byId.get({ space, id })),
		findAll: (space, ids) => read(() => ids.flatMap((id) => byId.get({ space, id }) ?? [])),
		list: (query) =>
			read(() => {
				const { where, orderBy, limit } = pageOf(jobTable, query);
				const found = db.select().from(jobTable).where(where).orderBy(orderBy).limit(limit).all();
				return jobPage(found, query);
			}),
		stats: (space) => read(() => stats.deferred(space)),
		ready: (queues) => read(() => queues.flatMap(({ space, queue }) => queued.get(space, queue) ?? [])),
		dueInMs: () =>
			read(() => {
				const next = Math.min(nextDue.get()?.at ?? Infinity, nextExpiry.get()?.at ?? Infinity);
				return next === Infinity ? undefined : next - now();
			}),
		purge: (before, limit) => run({ reads: [], decide: () => purge(db, addToCounts, before, limit) }),
	};
}

type AddToCounts = ReturnType<typeof countAdder>;

interface Earliest {
	readonly at: number | null;
}

/** Each is the first entry of its index, which must be named: see jobs.ts. */
export const earliestDue = "SELECT min(run_at) AS at FROM jobs INDEXED BY jobs_due WHERE state = 'scheduled'";
export const earliestExpiry =
	"SELECT min(lease_expires_at) AS at FROM jobs INDEXED BY jobs_expiring WHERE state = 'leased'";
export const oldestOfQueue =
	"SELECT min(run_at) AS at FROM jobs INDEXED BY jobs_oldest WHERE space = ? AND queue = ? AND state = 'queued'";
const queuedOfQueue =
	"SELECT space, queue, queued AS count FROM job_counts WHERE space = ? AND queue = ? AND queued > 0";

function purge(db: Db, addToCounts: AddToCounts, before: number, limit: number): number {
	const ended = sql`(SELECT id FROM jobs INDEXED BY jobs_ended
		WHERE state IN ('cancelled', 'dead', 'succeeded') AND updated_at < ${before}
		ORDER BY updated_at LIMIT ${limit})`;
	const removed = db
		.delete(jobTable)
		.where(sql`${jobTable.id} IN ${ended}`)
		.returning({ space: jobTable.space, queue: jobTable.queue, state: jobTable.state })
		.all();
	const counts = new CountDifferences();
	for (const job of removed) counts.add(job, job.state, -1);
	addToCounts(counts);
	if (removed.length > 0) {
		db.delete(jobCountTable).where(sql.raw(isEmpty)).run();
	}
	return removed.length;
}
