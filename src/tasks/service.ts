import { type Representation, represent } from "../kernel/canonical.ts";
import { idempotencyReads, once } from "../kernel/idempotency.ts";
import { requireMatch } from "../kernel/precondition.ts";
import type { SpaceId } from "../kernel/space.ts";
import type { RunUnit, Unit, UnitOfWork } from "../kernel/unit-of-work.ts";
import { type Announce, announcing } from "./announcing.ts";
import { createTasks, type MadeBatch } from "./batch.ts";
import { checkChange, openBlockersOf, readsOfChange } from "./blocking.ts";
import { changeTask, removeTask, requireTask } from "./changes.ts";
import { endClaim } from "./claims/changes.ts";
import { requireClaimFence, requireUnclaimed } from "./claims/fence.ts";
import { claims, lasts } from "./claims/store.ts";
import { type TaskReadSet, tasks } from "./collection.ts";
import type {
	CreateBatch,
	CreatedBatch,
	CreatedTask,
	CreateTask,
	RemoveTask,
	SweepDeferred,
	UpdateTask,
} from "./commands.ts";
import { comments } from "./comments/store.ts";
import { addTasks, futureOnly, readsOfAdding, textLengthOf } from "./creation.ts";
import { canonicalList, newFields, patchedFields, type SetFields, withStatus } from "./fields.ts";
import { taskBody } from "./representation.ts";
import type { TaskPatch } from "./schema.ts";
import type { TaskRow, TaskStore } from "./store.ts";

/**
 * The use cases of tasks. Each is one transaction with its events. Throws `not_found`, `conflict`, `validation_error`,
 * `precondition_required`, `precondition_failed`, `idempotency_mismatch`, `unavailable`.
 */
export interface TaskService extends TaskStore {
	create(change: CreateTask): Promise<CreatedTask>;
	/** All or none; the bodies are in the order of the tasks. */
	createBatch(change: CreateBatch): Promise<CreatedBatch>;
	update(change: UpdateTask): Promise<Representation>;
	remove(change: RemoveTask): Promise<void>;
	/** Ends the deferral of tasks whose time has come, of at most `limit`; returns of how many. */
	sweep(change: SweepDeferred, limit: number): Promise<number>;
}

/** `announce`: told of tasks that became ready. */
export function taskService(store: TaskStore, runUnit: RunUnit, announce?: Announce): TaskService {
	const run = announcing(runUnit, announce);
	return {
		...store,
		create: async (change) => run(createTask(change)),
		createBatch: async (change) => batchAsItIs(store, change.context.space, await run(createTasks(change))),
		update: (change) => run(updateTask(change)),
		remove: (change) => run(deleteTask(change)),
		sweep: (change, limit) => run(sweepDeferred(change, limit)),
	};
}

/** Throws `validation_error` at once. */
function createTask(change: CreateTask): Unit<CreatedTask> {
	const { id, task, author, idempotent, context } = change;
	const fields = newFields(id, task, author);
	const added = [{ id, fields, path: "" }];
	return {
		space: context.space,
		reads: [readsOfAdding(added, context.space), ...idempotencyReads(idempotent)],
		textLength: textLengthOf(fields),
		decide(work) {
			let made: Representation | undefined;
			const add = () => {
				[made] = addTasks(work, added, change);
				return { id, body: made?.body ?? "" };
			};
			const created = once(work, idempotent, add);
			return { id: created.id, task: made ?? represent(created.body), replayed: created.replayed };
		},
	};
}

/** A repeat gives the same tasks as they are now, without those that are gone. */
async function batchAsItIs(store: TaskStore, space: SpaceId, made: MadeBatch): Promise<CreatedBatch> {
	const { ids, bodies, replayed } = made;
	return { bodies: bodies ?? (await store.findAll(space, ids)).map(taskBody), replayed };
}

/** A patch that changes nothing keeps the version and appends no event. */
function updateTask(change: UpdateTask): Unit<Representation> {
	const { id, patch, author, ifMatch, claimFence = "absent", context } = change;
	// Nothing else of a task depends on its claim.
	const readsClaim = patch.status !== undefined || claimFence !== "absent";
	return {
		space: context.space,
		reads: [
			tasks.reads({ ids: [id], ...readsOfPatch(id, patch) }),
			...(readsClaim ? [claims.reads({ tasks: [id] })] : []),
		],
		weight: patch.status === undefined ? 1 : weightOfFinishing,
		textLength: JSON.stringify(patch).length,
		decide(work) {
			const row = requireTask(work.rows(tasks).find(id));
			requireMatch(ifMatch, represent(taskBody(row)));
			const claim = readsClaim ? work.rows(claims).find(id) : undefined;
			requireClaimFence(claim, claimFence);
			const by = typeof claimFence === "number" && claim !== undefined ? claim.holder : author;
			const fields = patchedFields(row, patch, by);
			const { status = row.status } = fields;
			if (status !== row.status) requireUnclaimed(claim, claimFence);
			checkChange(work.rows(tasks), row, fields);
			const next = patched(work, row, fields, change.now);
			if (!lasts(claim) || status === "in_progress") return changeTask(work, row, next, change);
			endClaim(work, claim);
			return changeTask(work, row, { ...next, claimedBy: null }, change);
		},
	};
}

/** A thousand tasks may wait for a task that is finished, though hardly any do. */
const weightOfFinishing = 4;

function readsOfPatch(id: string, patch: TaskPatch): TaskReadSet {
	return {
		...readsOfChange(id, patch),
		...(patch.status !== undefined && { waitingFor: [id] }),
	};
}

/** The row with what a patch sets, its version and times as they were. */
function patched(work: UnitOfWork, row: TaskRow, fields: Partial<SetFields>, now: number): TaskRow {
	const { blockedBy, deferUntil, ...rest } = fields;
	return {
		...row,
		...rest,
		...withStatus(row, fields, now),
		...(deferUntil !== undefined && { deferUntil: futureOnly(work, deferUntil) }),
		...(blockedBy !== undefined && {
			blockedBy: canonicalList(blockedBy),
			openBlockers: openBlockersOf(work.rows(tasks), blockedBy),
		}),
	};
}

function deleteTask(change: RemoveTask): Unit<void> {
	const { id, ifMatch, claimFence = "absent", context } = change;
	return {
		space: context.space,
		reads: [
			tasks.reads({ ids: [id], waitingFor: [id] }),
			claims.reads({ tasks: [id] }),
			comments.reads({ tasks: [id] }),
		],
		weight: weightOfFinishing,
		decide(work) {
			const row = requireTask(work.rows(tasks).find(id));
			const last = represent(taskBody(row));
			requireMatch(ifMatch, last);
			const claim = work.rows(claims).find(id);
			requireClaimFence(claim, claimFence);
			requireUnclaimed(claim, claimFence);
			work.rows(claims).remove(id);
			removeTask(work, row, last, change);
		},
	};
}

/** By the database's clock, in all spaces. */
function sweepDeferred({ context, now }: SweepDeferred, limit: number): Unit<number> {
	return {
		space: "every",
		reads: [tasks.reads({ due: limit })],
		weight: limit,
		decide(work) {
			const due = work.rows(tasks).due(limit, work.now());
			for (const row of due) {
				const made = { context: { ...context, space: row.space }, now };
				changeTask(work, row, { ...row, deferUntil: null }, made);
			}
			return due.length;
		},
	};
}
