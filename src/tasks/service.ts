import { type Representation, represent } from "../kernel/canonical.ts";
import { AppError } from "../kernel/errors.ts";
import type { EventType } from "../kernel/event-draft.ts";
import { idempotencyReads, once } from "../kernel/idempotency.ts";
import { requireMatch } from "../kernel/precondition.ts";
import type { RunUnit, Unit, UnitOfWork } from "../kernel/unit-of-work.ts";
import { comments } from "./comments/store.ts";
import { taskBody } from "./representation.ts";
import {
	type CreatedTask,
	type CreateTask,
	type RemoveTask,
	type TaskRow,
	type TaskStore,
	tasks,
	type UpdateTask,
} from "./store.ts";

/**
 * The use cases of tasks. Each is one transaction with its event. Throws `not_found`,
 * `precondition_required`, `precondition_failed`, `idempotency_mismatch`, `unavailable`.
 */
export interface TaskService extends TaskStore {
	create(change: CreateTask): Promise<CreatedTask>;
	update(change: UpdateTask): Promise<Representation>;
	remove(change: RemoveTask): Promise<void>;
}

export function taskService(store: TaskStore, run: RunUnit): TaskService {
	return {
		...store,
		create: (change) => run(createTask(change)),
		update: (change) => run(updateTask(change)),
		remove: (change) => run(removeTask(change)),
	};
}

function createTask(change: CreateTask): Unit<CreatedTask> {
	const { id, task, idempotent } = change;
	return {
		space: change.context.space,
		reads: [tasks.inserts(), ...idempotencyReads(idempotent)],
		textLength: task.title.length + (task.description?.length ?? 0),
		decide(work) {
			const created = once(work, idempotent, () => ({ id, body: insert(work, change) }));
			return { id: created.id, task: represent(created.body), replayed: created.replayed };
		},
	};
}

function insert(work: UnitOfWork, change: CreateTask): string {
	const { id, task, now, context } = change;
	const fields = { id, title: task.title, description: task.description ?? "", version: 1 };
	const body = taskBody(fields);
	const seq = append(work, "task.created", change, body);
	work.rows(tasks).insert({ ...fields, seq, space: context.space, createdAt: now, updatedAt: now });
	return body;
}

/** A patch that changes nothing keeps the version and appends no event. */
function updateTask(change: UpdateTask): Unit<Representation> {
	return {
		space: change.context.space,
		reads: [tasks.reads({ ids: [change.id] })],
		textLength: (change.patch.title?.length ?? 0) + (change.patch.description?.length ?? 0),
		decide(work) {
			const rows = work.rows(tasks);
			const row = requireTask(rows.find(change.id));
			const current = represent(taskBody(row));
			requireMatch(change.ifMatch, current);
			const { patch } = change;
			const title = patch.title ?? row.title;
			const description = patch.description === undefined ? row.description : (patch.description ?? "");
			if (title === row.title && description === row.description) return current;
			const next = { ...row, title, description, version: row.version + 1, updatedAt: change.now };
			const representation = represent(taskBody(next));
			append(work, "task.updated", change, representation.body);
			rows.update(next);
			return representation;
		},
	};
}

/** Its comments go with it, without events of their own. */
function removeTask(change: RemoveTask): Unit<void> {
	return {
		space: change.context.space,
		reads: [tasks.reads({ ids: [change.id] }), comments.reads({ tasks: [change.id] })],
		decide(work) {
			const rows = work.rows(tasks);
			const row = requireTask(rows.find(change.id));
			const last = represent(taskBody(row));
			requireMatch(change.ifMatch, last);
			append(work, "task.deleted", change, last.body);
			rows.remove(row);
			work.rows(comments).removeAllOf({ task: row.id, space: row.space });
		},
	};
}

function append(
	work: UnitOfWork,
	type: EventType,
	{ id, now, context }: CreateTask | RemoveTask,
	data: string,
): number {
	return work.append({ ...context, type, subject: taskPath(id), data, time: now });
}

export function requireTask(row: TaskRow | undefined): TaskRow {
	if (row === undefined) throw noSuchTask();
	return row;
}

export function noSuchTask(): AppError {
	return new AppError("not_found", "There is no such task.");
}

export function taskPath(id: string): string {
	return `/collab/tasks/${id}`;
}
