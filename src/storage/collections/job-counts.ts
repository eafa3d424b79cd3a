import { type JobCounts, type JobState, jobStates, type QueueName, textOfQueue } from "../../jobs/store.ts";

/** What an insert of counts does where the queue has some, in SQL for either database. */
export const addToKept = jobStates
	.map((state) => `${state} = job_counts.${state} + excluded.${state}`)
	.join(", ");

/** Whether a queue has no job left, in SQL for either database. */
export const isEmpty = `${jobStates.join(" + ")} = 0`;

/** The changes that a transaction makes to the counts of each queue. */
export class CountDifferences {
	readonly #byQueue = new Map<string, QueueName & Record<JobState, number>>();

	add({ space, queue }: QueueName, state: JobState, difference: number): void {
		const key = textOfQueue({ space, queue });
		let counts = this.#byQueue.get(key);
		if (counts === undefined) {
			counts = { space, queue, cancelled: 0, dead: 0, leased: 0, queued: 0, scheduled: 0, succeeded: 0 };
			this.#byQueue.set(key, counts);
		}
		counts[state] += difference;
	}

	/** The queues whose counts have changed. */
	rows(): readonly JobCounts[] {
		return [...this.#byQueue.values()].filter((counts) => jobStates.some((state) => counts[state] !== 0));
	}
}
