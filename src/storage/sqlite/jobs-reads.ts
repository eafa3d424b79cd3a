import type { Database } from "bun:sqlite";
import { and, desc, eq, inArray, lt, sql } from "drizzle-orm";
import type { JobQuery, QueueStats } from "../../jobs/store.ts";
import type { JobReads } from "../job-store.ts";
import type { Writer } from "../writer.ts";
import type { Db } from "./connection.ts";
import { read } from "./errors.ts";
import { databaseClock } from "./jobs.ts";
import { jobCounts, jobs } from "./schema.ts";

export function jobReads(database: Database, db: Db, writer: Writer): JobReads {
	const now = databaseClock(database);
	const byId = db
		.select()
		.from(jobs)
		.where(eq(jobs.id, sql.placeholder("id")))
		.prepare();
	const nextDue = database.query<Earliest, []>(earliestDue);
	const nextExpiry = database.query<Earliest, []>(earliestExpiry);
	const oldest = database.query<Earliest, [string]>(oldestOfQueue);
	// One transaction, so that counts and ages are of one moment even while another process writes.
	const stats = database.transaction((): readonly QueueStats[] => {
		const at = now();
		return db
			.select()
			.from(jobCounts)
			.orderBy(jobCounts.queue)
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
				const rows = page(db, query);
				return { rows: rows.slice(0, query.limit), more: rows.length > query.limit };
			}),
		stats: () => read(() => stats.deferred()),
		ready: (queues) =>
			read(() => {
				const counts = db
					.select()
					.from(jobCounts)
					.where(inArray(jobCounts.queue, [...queues]))
					.all();
				return new Map(counts.map(({ queue, queued }) => [queue, queued]));
			}),
		dueInMs: () =>
			read(() => {
				const next = Math.min(nextDue.get()?.at ?? Infinity, nextExpiry.get()?.at ?? Infinity);
				return next === Infinity ? undefined : next - now();
			}),
		purge: (olderThanMs, limit) =>
			writer.run({ needs: {}, apply: () => purge(db, now() - olderThanMs, limit) }),
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

function page(db: Db, { queue, state, kind, limit, after }: JobQuery) {
	return db
		.select()
		.from(jobs)
		.where(
			and(
				queue === undefined ? undefined : eq(jobs.queue, queue),
				state === undefined ? undefined : eq(jobs.state, state),
				kind === undefined ? undefined : eq(jobs.kind, kind),
				after === undefined ? undefined : lt(jobs.id, after),
			),
		)
		.orderBy(desc(jobs.id))
		.limit(limit + 1)
		.all();
}

function purge(db: Db, before: number, limit: number): number {
	const ended = sql`(SELECT id FROM jobs INDEXED BY jobs_ended
		WHERE state IN ('cancelled', 'dead', 'succeeded') AND updated_at < ${before}
		ORDER BY updated_at LIMIT ${limit})`;
	const removed = db
		.delete(jobs)
		.where(sql`${jobs.id} IN ${ended}`)
		.returning({ queue: jobs.queue, state: jobs.state })
		.all();
	for (const [queue, ofQueue] of Map.groupBy(removed, (job) => job.queue)) {
		const gone = (state: string) => ofQueue.filter((job) => job.state === state).length;
		db.update(jobCounts)
			.set({
				cancelled: sql`cancelled - ${gone("cancelled")}`,
				dead: sql`dead - ${gone("dead")}`,
				succeeded: sql`succeeded - ${gone("succeeded")}`,
			})
			.where(eq(jobCounts.queue, queue))
			.run();
	}
	if (removed.length > 0) {
		db.delete(jobCounts).where(sql`cancelled + dead + leased + queued + scheduled + succeeded = 0`).run();
	}
	return removed.length;
}
