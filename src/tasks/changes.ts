import { type Representation, represent } from "../canonical.ts";
import { AppError } from "../errors.ts";
import type { EventType } from "../events/store.ts";
import { once } from "../http/idempotency.ts";
import { requireMatch } from "../http/preconditions.ts";
import { taskBody } from "./representation.ts";
import type { CreatedTask, CreateTask, RemoveTask, TaskRow, TaskWork, UpdateTask } from "./store.ts";

/** What each change of a task means, once for both databases; a store runs these inside its transaction. */

export function createTask(work: TaskWork, change: CreateTask): CreatedTask {
	const { body, replayed } = once(work.answers, change.idempotent, change.now, () => insert(work, change));
	const id = replayed ? (JSON.parse(body) as { id: string }).id : change.id;
	return { id, task: represent(body), replayed };
}

function insert(work: TaskWork, { id, task, now, requestId }: CreateTask): string {
	const fields = { id, title: task.title, description: task.description ?? "", version: 1 };
	const body = taskBody(fields);
	const seq = work.append({ type: "task.created", subject: taskPath(id), data: body, requestId, time: now });
	work.tasks.insert({ ...fields, seq, createdAt: now, updatedAt: now });
	return body;
}

/** A patch that changes nothing keeps the version and appends no event. */
export function updateTask(work: TaskWork, change: UpdateTask): Representation {
	const row = existing(work, change.id);
	const current = represent(taskBody(row));
	requireMatch(change.ifMatch, current);
	const title = change.patch.title ?? row.title;
	const description =
		change.patch.description === undefined ? row.description : (change.patch.description ?? "");
	if (title === row.title && description === row.description) return current;
	const next = { ...row, title, description, version: row.version + 1, updatedAt: change.now };
	const representation = represent(taskBody(next));
	append(work, "task.updated", change, representation.body);
	work.tasks.update(next);
	return representation;
}

export function removeTask(work: TaskWork, change: RemoveTask): void {
	const row = existing(work, change.id);
	const last = represent(taskBody(row));
	requireMatch(change.ifMatch, last);
	append(work, "task.deleted", change, last.body);
	work.tasks.remove(row);
}

function append(work: TaskWork, type: EventType, change: RemoveTask, data: string): void {
	work.append({ type, subject: taskPath(change.id), data, requestId: change.requestId, time: change.now });
}

function existing(work: TaskWork, id: string): TaskRow {
	const row = work.tasks.find(id);
	if (row === undefined) throw noSuchTask();
	return row;
}

export function noSuchTask(): AppError {
	return new AppError("not_found", "There is no such task.");
}

export function taskPath(id: string): string {
	return `/collab/tasks/${id}`;
}
