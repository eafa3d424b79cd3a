import { type JobCounts, type JobState, jobStates } from "../../jobs/store.ts";

/** What an insert of counts does where the queue has some, in SQL for either database. */
export const addToKept = jobStates
	.map((state) => `${state} = job_counts.${state} + excluded.${state}`)
	.join(", ");

/** Whether a queue has no job left, in SQL for either database. */
export const isEmpty = `${jobStates.join(" + ")} = 0`;

/** The changes that a transaction makes to the counts of each queue. */
export class CountDifferences {
	readonly #byQueue = new Map<string, Record<JobState, number>>();

	add(queue: string, state: JobState, difference: number): void {
		let counts = this.#byQueue.get(queue);
		if (counts === undefined) {
			counts = { cancelled: 0, dead: 0, leased: 0, queued: 0, scheduled: 0, succeeded: 0 };
			this.#byQueue.set(queue, counts);
		}
		counts[state] += difference;
	}

	/** The queues whose counts have changed. */
	rows(): readonly JobCounts[] {
		return [...this.#byQueue]
			.filter(([, counts]) => jobStates.some((state) => counts[state] !== 0))
			.map(([queue, counts]) => ({ queue, ...counts }));
	}
}
