import { eq, inArray, sql } from "drizzle-orm";
import type { JobStore, QueueStats } from "../../../jobs/store.ts";
import { isEmpty } from "../../collections/job-counts.ts";
import { jobPage, pageOf } from "../../collections/jobs.ts";
import { databaseClock } from "../clock.ts";
import type { StoreContext } from "../collection.ts";
import type { Db } from "../connection.ts";
import { jobCountTable, jobTable } from "./job-tables.ts";

export function jobStore({ database, db, run, read }: StoreContext): JobStore {
	const now = databaseClock(database);
	const byId = db
		.select()
		.from(jobTable)
		.where(eq(jobTable.id, sql.placeholder("id")))
		.prepare();
	const nextDue = database.query<Earliest, []>(earliestDue);
	const nextExpiry = database.query<Earliest, []>(earliestExpiry);
	const oldest = database.query<Earliest, [string]>(oldestOfQueue);
	// One transaction, so that counts and ages are of one snapshot even while another process writes.
	const stats = database.transaction((): readonly QueueStats[] => {
		const at = now();
		return db
			.select()
			.from(jobCountTable)
			.orderBy(jobCountTable.queue)
			.all()
			.map((counts) => {
				const since = oldest.get(counts.queue)?.at ?? null;
				return { counts, oldestQueuedMs: since === null ? null : at - since };
			});
	});

	return {
		find: (id) => read(() => byId.get({ id })),
		list: (query) =>
			read(() => {
				const { where, orderBy, limit } = pageOf(jobTable, query);
				const found = db.select().from(jobTable).where(where).orderBy(orderBy).limit(limit).all();
				return jobPage(found, query);
			}),
		stats: () => read(() => stats.deferred()),
		ready: (queues) =>
			read(() => {
				const counts = db
					.select()
					.from(jobCountTable)
					.where(inArray(jobCountTable.queue, [...queues]))
					.all();
				return new Map(counts.map(({ queue, queued }) => [queue, queued]));
			}),
		dueInMs: () =>
			read(() => {
				const next = Math.min(nextDue.get()?.at ?? Infinity, nextExpiry.get()?.at ?? Infinity);
				return next === Infinity ? undefined : next - now();
			}),
		purge: (before, limit) => run({ reads: [], decide: () => purge(db, before, limit) }),
	};
}

interface Earliest {
	readonly at: number | null;
}

/** Each is the first entry of its index, which must be named: see jobs.ts. */
export const earliestDue = "SELECT min(run_at) AS at FROM jobs INDEXED BY jobs_due WHERE state = 'scheduled'";
export const earliestExpiry =
	"SELECT min(lease_expires_at) AS at FROM jobs INDEXED BY jobs_expiring WHERE state = 'leased'";
export const oldestOfQueue =
	"SELECT min(run_at) AS at FROM jobs INDEXED BY jobs_oldest WHERE queue = ? AND state = 'queued'";

function purge(db: Db, before: number, limit: number): number {
	const ended = sql`(SELECT id FROM jobs INDEXED BY jobs_ended
		WHERE state IN ('cancelled', 'dead', 'succeeded') AND updated_at < ${before}
		ORDER BY updated_at LIMIT ${limit})`;
	const removed = db
		.delete(jobTable)
		.where(sql`${jobTable.id} IN ${ended}`)
		.returning({ queue: jobTable.queue, state: jobTable.state })
		.all();
	for (const [queue, ofQueue] of Map.groupBy(removed, (job) => job.queue)) {
		const gone = (state: string) => ofQueue.filter((job) => job.state === state).length;
		db.update(jobCountTable)
			.set({
				cancelled: sql`cancelled - ${gone("cancelled")}`,
				dead: sql`dead - ${gone("dead")}`,
				succeeded: sql`succeeded - ${gone("succeeded")}`,
			})
			.where(eq(jobCountTable.queue, queue))
			.run();
	}
	if (removed.length > 0) {
		db.delete(jobCountTable).where(sql.raw(isEmpty)).run();
	}
	return removed.length;
}
