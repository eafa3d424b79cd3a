import type { Representation } from "../kernel/canonical.ts";
import type { ChangeContext } from "../kernel/change-context.ts";
import type { IdempotentRequest } from "../kernel/idempotency.ts";
import type { Precondition } from "../kernel/precondition.ts";
import type { NewTask, TaskPatch } from "./schema.ts";

interface Change {
	readonly context: ChangeContext;
	/** By the clock of the server that makes it. */
	readonly now: number;
}

interface WrittenChange extends Change {
	/** Who a note is by: the name of the user or of the token, as text. */
	readonly author: string;
}

export interface CreateTask extends WrittenChange, NewBatchItem {
	readonly idempotent: IdempotentRequest | undefined;
}

export interface NewBatchItem {
	readonly id: string;
	readonly task: NewTask;
}

export interface CreateBatch extends WrittenChange {
	readonly tasks: readonly NewBatchItem[];
	readonly idempotent: IdempotentRequest | undefined;
}

/** What `Claim-Fence` says: nothing, any claim or none, or the fence of a claim. `forbidden`: `*` by an access token. */
export type ClaimFence = "absent" | "malformed" | "forbidden" | "any" | number;

export interface RemoveTask extends Change {
	readonly id: string;
	readonly ifMatch: Precondition;
	/** Absent: the same as `absent`. */
	readonly claimFence?: ClaimFence;
}

export interface UpdateTask extends WrittenChange, RemoveTask {
	readonly patch: TaskPatch;
}

/** `context`: without the space, which is each task's own. */
export interface SweepDeferred {
	readonly context: Omit<ChangeContext, "space">;
	readonly now: number;
}

export interface CreatedTask {
	readonly id: string;
	readonly task: Representation;
	readonly replayed: boolean;
}

export interface CreatedBatch {
	/** The canonical bodies of the tasks. */
	readonly bodies: readonly string[];
	readonly replayed: boolean;
}
