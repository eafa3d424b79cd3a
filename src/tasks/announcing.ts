import type { RunUnit } from "../kernel/unit-of-work.ts";
import { becameReady } from "./collection.ts";
import type { TaskState } from "./store.ts";

/** Told of the tasks that claims can get, after the commit that made them so. */
export type Announce = (ready: readonly TaskState[]) => void;

/** Runs units of tasks, and announces what became ready by them. */
export function announcing(run: RunUnit, announce: Announce = () => {}): RunUnit {
	return async (unit) => {
		let ready: readonly TaskState[] = [];
		const value = await run({
			...unit,
			decide(work) {
				const outcome = unit.decide(work);
				ready = becameReady(work);
				return outcome;
			},
		});
		if (ready.length > 0) announce(ready);
		return value;
	};
}
