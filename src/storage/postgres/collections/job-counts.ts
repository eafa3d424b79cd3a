import type { CountDifferences } from "../../collections/job-counts.ts";
import type { Tx } from "../connection.ts";

/** The caller holds the lock of the log's head, so it never waits for the rows of the counts. */
export function addToCounts(tx: Tx, differences: CountDifferences): PromiseLike<unknown>[] {
	const rows = differences.rows();
	if (rows.length === 0) return [];
	return [
		tx`INSERT INTO job_counts AS kept (queue, cancelled, dead, leased, queued, scheduled, succeeded)
			SELECT * FROM unnest(
				${rows.map(({ queue }) => queue)}::text[],
				${rows.map(({ cancelled }) => cancelled)}::bigint[],
				${rows.map(({ dead }) => dead)}::bigint[],
				${rows.map(({ leased }) => leased)}::bigint[],
				${rows.map(({ queued }) => queued)}::bigint[],
				${rows.map(({ scheduled }) => scheduled)}::bigint[],
				${rows.map(({ succeeded }) => succeeded)}::bigint[])
			ON CONFLICT (queue) DO UPDATE SET
				cancelled = kept.cancelled + excluded.cancelled, dead = kept.dead + excluded.dead,
				leased = kept.leased + excluded.leased, queued = kept.queued + excluded.queued,
				scheduled = kept.scheduled + excluded.scheduled, succeeded = kept.succeeded + excluded.succeeded`,
	];
}
