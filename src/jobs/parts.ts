import type { Log } from "../kernel/log.ts";
import type { RunUnit } from "../kernel/unit-of-work.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type JobRouteDeps, jobRoutes } from "./routes.ts";
import { jobService } from "./service.ts";
import type { JobStore } from "./store.ts";
import { Sweeper } from "./sweeper.ts";

export interface JobPartsDeps {
	readonly store: JobStore;
	readonly run: RunUnit;
	/** Calls the listener when any process may have changed something. Returns the function that unsubscribes. */
	readonly onChange: (listener: () => void) => () => void;
	/** How long finished jobs are kept. */
	readonly retentionMs: number;
	readonly databaseNow: () => Promise<number>;
	readonly log: Log;
}

/** What belongs to jobs: their use cases, the workers that wait, what time does to them, and their routes. */
export function jobParts({ store, run, onChange, ...deps }: JobPartsDeps) {
	const jobs = jobService(store, run);
	const dispatcher = new Dispatcher({ jobs, onChange, log: deps.log });
	const sweeper = new Sweeper({ jobs, dispatcher, ...deps });
	return {
		routes: (of: Omit<JobRouteDeps, "jobs" | "dispatcher">) => jobRoutes({ ...of, jobs, dispatcher }),
		start() {
			dispatcher.start();
			sweeper.start();
		},
		/** Answers the workers that wait, and waits for the steps in progress. Idempotent. */
		async stop() {
			await Promise.all([dispatcher.stop(), sweeper.stop()]);
		},
	};
}
