import { createTask, removeTask, updateTask } from "../tasks/changes.ts";
import type { TaskStore } from "../tasks/store.ts";
import type { Writer } from "./writer.ts";

/** The reads, which each database does its own way. */
export type TaskReads = Pick<TaskStore, "find" | "list" | "head">;

/** Tasks in either database: changes are units for its writer, and what they mean is decided in the room. */
export function taskStore(writer: Writer, reads: TaskReads): TaskStore {
	return {
		...reads,
		create: (change) =>
			writer.run({
				needs: change.idempotent ? { answers: [change.idempotent] } : {},
				apply: (work) => createTask(work, change),
			}),
		update: (change) =>
			writer.run({ needs: { tasks: [change.id] }, apply: (work) => updateTask(work, change) }),
		remove: (change) =>
			writer.run({ needs: { tasks: [change.id] }, apply: (work) => removeTask(work, change) }),
	};
}
