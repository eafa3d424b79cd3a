import type { SpaceId } from "../kernel/space.ts";

/** The access that a stream was opened with, while somebody watches whether it still holds. */
export interface WatchedAccess {
	readonly isEnded: boolean;
	/** Whether it still holds could not be found out: nothing may be sent. */
	readonly isUnconfirmed: boolean;
	/** Ends the watch. */
	release(): void;
}

/** What a request may see of the log. */
export interface EventAccess {
	readonly space: SpaceId;
	/** What comes before this number is of no event that the request may see. */
	readonly since: number;
	/** Whether it may see the events of tasks, and of jobs. */
	readonly tasks: boolean;
	readonly jobs: boolean;
	/** Without its credential the request would see less. */
	readonly isPrivate: boolean;
	/** For a stream that shows so much: begins to watch the access. Absent: it cannot end while the process runs. */
	readonly watch?: (shown: Pick<EventAccess, "tasks" | "jobs">) => WatchedAccess;
}
