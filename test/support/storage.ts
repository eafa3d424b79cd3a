import { readConfig } from "../../src/config.ts";
import { type JobService, jobService } from "../../src/jobs/service.ts";
import type { Log } from "../../src/kernel/log.ts";
import { openStorage } from "../../src/storage/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type CommentService, commentService } from "../../src/tasks/comments/service.ts";
import { type TaskService, taskService } from "../../src/tasks/service.ts";
import { silentLog } from "./server.ts";
import { onEnd } from "./teardown.ts";

/** A database with the use cases of its tasks, comments and jobs. */
export interface TestStorage extends Storage {
	readonly tasks: TaskService;
	readonly comments: CommentService;
	readonly jobs: JobService;
}

/** Opens the database at a URL. Closed at the end of the file's tests. */
export async function openTestStorage(
	url: string,
	log?: Log,
	env: Readonly<Record<string, string>> = {},
): Promise<TestStorage> {
	const { database } = readConfig({ ...env, DATABASE_URL: url }, false);
	const storage = await openStorage(database, log ?? (await silentLog()));
	onEnd(storage.stop);
	return withServices(storage);
}

export function withServices(storage: Storage): TestStorage {
	const { run } = storage;
	return {
		...storage,
		tasks: taskService(storage.tasks, run),
		comments: commentService(storage.comments, run),
		jobs: jobService(storage.jobs, run),
	};
}
