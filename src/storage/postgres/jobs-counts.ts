import { type JobCounts, type JobState, jobStates } from "../../jobs/store.ts";
import type { Tx } from "./connection.ts";

/** What a transaction adds to the counts of each queue. */
export class Differences {
	readonly #byQueue = new Map<string, Record<JobState, number>>();

	add(queue: string, state: JobState, difference: number): void {
		let counts = this.#byQueue.get(queue);
		if (counts === undefined) {
			counts = { cancelled: 0, dead: 0, leased: 0, queued: 0, scheduled: 0, succeeded: 0 };
			this.#byQueue.set(queue, counts);
		}
		counts[state] += difference;
	}

	/** The queues in which something has changed. */
	rows(): readonly JobCounts[] {
		return [...this.#byQueue]
			.filter(([, counts]) => jobStates.some((state) => counts[state] !== 0))
			.map(([queue, counts]) => ({ queue, ...counts }));
	}
}

/** Whoever counts holds the log's head: the counts' rows are never waited for. */
export function addToCounts(tx: Tx, differences: Differences): PromiseLike<unknown>[] {
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
