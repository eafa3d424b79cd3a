import type { UserStore } from "../auth/store.ts";
import type { EventStore } from "../events/store.ts";
import type { IdempotencyStore } from "../http/idempotency.ts";
import type { JobStore } from "../jobs/store.ts";
import type { WriteCounts } from "../metrics/store.ts";
import type { TaskStore } from "../tasks/store.ts";

/** What the database itself must remember: secrets made at first start, the log's identity. */
export interface SettingStore {
	/** The value kept under a name; `make` supplies it the first time, and of many at once one wins for all. */
	getOrMake(name: string, make: () => string): Promise<string>;
}

/** A database with its schema up to date, as the rooms see it. */
export interface Storage {
	readonly tasks: TaskStore;
	readonly jobs: JobStore;
	readonly users: UserStore;
	readonly events: EventStore;
	readonly answers: IdempotencyStore;
	readonly settings: SettingStore;
	/** What this process's writer has done so far. */
	writes(): WriteCounts;
	/** Resolves when the database has answered. */
	ping(): Promise<void>;
	/** Finishes what has been handed in, then closes. Idempotent. */
	stop(): Promise<void>;
}
