import type { Database, SQLQueryBindings } from "bun:sqlite";
import { jobStates } from "../../../jobs/store.ts";
import { addToKept, type CountDifferences } from "../../collections/job-counts.ts";

/** Prepares what adds differences to the counts of their queues. */
export function countAdder(database: Database): (differences: CountDifferences) => void {
	const add = database.query<never, SQLQueryBindings[]>(addToCounts);
	return (differences) => {
		for (const counts of differences.rows()) {
			add.run(counts.space, counts.queue, ...jobStates.map((state) => counts[state]));
		}
	};
}

const addToCounts = `INSERT INTO job_counts (space, queue, ${jobStates.join(", ")})
	VALUES (?, ?, ${jobStates.map(() => "?").join(", ")}) ON CONFLICT (space, queue) DO UPDATE SET ${addToKept}`;
