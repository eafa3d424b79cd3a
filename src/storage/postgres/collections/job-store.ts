import { and, eq, sql as fragment, getTableColumns, inArray } from "drizzle-orm";
import type { JobCounts, JobState, JobStore, QueueName, ReadyQueue } from "../../../jobs/store.ts";
import { CountDifferences, isEmpty } from "../../collections/job-counts.ts";
import { jobPage, pageOf } from "../../collections/jobs.ts";
import { databaseNow } from "../clock.ts";
import type { StoreContext } from "../collection.ts";
import type { Pool } from "../pool.ts";
import { addToCounts } from "./job-counts.ts";
import { jobTable } from "./job-tables.ts";

export function jobStore({ pool, db }: StoreContext): JobStore {
	const { sql } = pool;
	const byId = db
		.select(selected)
		.from(jobTable)
		.where(
			and(eq(jobTable.id, fragment.placeholder("id")), eq(jobTable.space, fragment.placeholder("space"))),
		)
		.prepare("job_by_id");
	const now = databaseNow(sql);
	return {
		find: async (space, id) => (await pool.query(() => byId.execute({ space, id })))[0],
		async findAll(space, ids) {
			const isWanted = and(eq(jobTable.space, space), inArray(jobTable.id, [...ids]));
			const found = await pool.query(() => db.select(selected).from(jobTable).where(isWanted));
			const rows = new Map(found.map((row) => [row.id, row]));
			return ids.flatMap((id) => rows.get(id) ?? []);
		},
		async list(query) {
			const { where, orderBy, limit } = pageOf(jobTable, query);
			const page = () => db.select(selected).from(jobTable).where(where).orderBy(orderBy).limit(limit);
			return jobPage(await pool.query(page), query);
		},
		async stats(space) {
			// The first entry of jobs_oldest for each queue; one statement, so that all values are of one snapshot.
			const rows = await pool.query(
				() => sql<(JobCounts & { oldestQueuedMs: number | null })[]>`
					SELECT job_counts.*, ${now} - (
						SELECT min(run_at) FROM jobs
						WHERE jobs.space = job_counts.space AND jobs.queue = job_counts.queue AND state = 'queued'
					) AS "oldestQueuedMs"
					FROM job_counts ${space === "every" ? sql`` : sql`WHERE space = ${space}`}
					ORDER BY space, queue COLLATE "C"`,
			);
			return rows.map(({ oldestQueuedMs, ...counts }) => ({ counts, oldestQueuedMs }));
		},
		async ready(queues) {
			const rows = await pool.query(
				() => sql<ReadyQueue[]>`
					SELECT space, queue, queued AS count FROM job_counts JOIN unnest(
						${queues.map(({ space }) => space)}::integer[],
						${queues.map(({ queue }) => queue)}::text[]) AS wanted (space, queue) USING (space, queue)
					WHERE queued > 0`,
			);
			return rows.map((row) => ({ ...row }));
		},
		async dueInMs() {
			// Each is the first entry of its index.
			const [row] = await pool.query(
				() => sql<{ milliseconds: number | null }[]>`SELECT least(
					(SELECT min(run_at) FROM jobs WHERE state = 'scheduled'),
					(SELECT min(lease_expires_at) FROM jobs WHERE state = 'leased')) - ${now} AS milliseconds`,
			);
			return row?.milliseconds ?? undefined;
		},
		purge: (before, limit) => pool.query(() => purge(pool, before, limit)),
	};
}

/** The digits of a floating-point number as text depend on the session's `extra_float_digits`; its bytes do not. */
const selected = {
	...getTableColumns(jobTable),
	progress: fragment<number | null>`encode(float8send(${jobTable.progress}), 'hex')`.mapWith((hex: string) =>
		Buffer.from(hex, "hex").readDoubleBE(),
	),
};

interface Removed extends QueueName {
	readonly state: JobState;
}

/** Locks the log's head as every change does, so that no job is retried while it is removed. */
function purge(pool: Pool, before: number, limit: number): Promise<number> {
	return pool.begin(async (tx) => {
		await tx`SELECT rev FROM log_head WHERE one = 1 FOR UPDATE`;
		const removed = await tx<Removed[]>`DELETE FROM jobs WHERE id IN (
			SELECT id FROM jobs WHERE state IN ('cancelled', 'dead', 'succeeded')
				AND updated_at < ${before}::bigint
			ORDER BY updated_at LIMIT ${limit}) RETURNING space, queue, state`;
		const counts = new CountDifferences();
		for (const job of removed) counts.add(job, job.state, -1);
		await Promise.all(addToCounts(tx, counts));
		if (removed.length > 0) {
			await tx`DELETE FROM job_counts WHERE ${tx.unsafe(isEmpty)}`;
		}
		return removed.length;
	});
}
