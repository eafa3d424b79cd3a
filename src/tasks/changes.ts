import { type Representation, represent } from "../kernel/canonical.ts";
import type { ChangeContext } from "../kernel/change-context.ts";
import { AppError } from "../kernel/errors.ts";
import type { EventDraft } from "../kernel/event-draft.ts";
import type { UnitOfWork } from "../kernel/unit-of-work.ts";
import { updateWaiting } from "./blocking.ts";
import { tasks } from "./collection.ts";
import { comments } from "./comments/store.ts";
import { canonicalList, type SetFields } from "./fields.ts";
import { taskBody } from "./representation.ts";
import { isReady, type TaskRow } from "./store.ts";

/** What all changes of tasks share. */

/** Who makes a change, and when. */
export interface Made {
	readonly context: ChangeContext;
	/** By the clock of the server that makes it. */
	readonly now: number;
}

export interface NewTaskRow {
	readonly id: string;
	readonly fields: SetFields;
	/** In place of that of the fields. */
	readonly deferUntil: number | null;
	/** How many of its blockers are there and not finished. */
	readonly openBlockers: number;
}

/** Adds a task, with its event. */
export function addTask(work: UnitOfWork, added: NewTaskRow, made: Made): Representation {
	const rows = work.rows(tasks);
	const task = newTask(added, rows.nextNumber(made.context.space), made);
	const representation = represent(taskBody(task));
	const seq = append(work, { type: "task.created" }, added.id, representation, isReady(task), made);
	task.seq = task.updatedSeq = seq;
	task.etag = representation.etag;
	rows.insert(task);
	return representation;
}

/** Without the number of its event and its tag. Written out: copies of objects took a tenth of a create. */
function newTask(
	{ id, fields, deferUntil, openBlockers }: NewTaskRow,
	number: number,
	{ context, now }: Made,
): Mutable<TaskRow> {
	return {
		seq: 0,
		updatedSeq: 0,
		space: context.space,
		id,
		number,
		title: fields.title,
		description: fields.description,
		version: 1,
		status: fields.status,
		statusSince: now,
		priority: fields.priority,
		rank: fields.rank,
		assignee: fields.assignee,
		claimedBy: null,
		createdBy: context.actor,
		parent: fields.parent,
		blockedBy: canonicalList(fields.blockedBy),
		openBlockers,
		labels: fields.labels,
		metadata: fields.metadata,
		note: fields.note,
		dueAt: fields.dueAt,
		deferUntil,
		createdAt: now,
		updatedAt: now,
		etag: null,
	};
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/**
 * Writes a task as it is after a change, with its event and what follows for those that wait for it. `next`: with the
 * version and the times of `current`. Where nothing differs, nothing happens.
 */
export function changeTask(work: UnitOfWork, current: TaskRow, next: TaskRow, made: Made): Representation {
	const before = represent(taskBody(current));
	if (taskBody(next) === before.body) return before;
	return writeChange(work, current, next, made, { type: "task.updated" }).task;
}

/** A task after a change, and the number of the event. */
export interface Changed {
	readonly task: Representation;
	readonly seq: number;
}

/** What the event of a change says besides the task. */
type ChangeEvent = Pick<EventDraft, "type" | "reason" | "expiresAt">;

/** As `changeTask`, with another event, and where something differs. */
export function writeChange(
	work: UnitOfWork,
	current: TaskRow,
	next: TaskRow,
	made: Made,
	event: ChangeEvent,
): Changed {
	const changed = { ...next, version: current.version + 1, updatedAt: made.now };
	const task = represent(taskBody(changed));
	const seq = append(work, event, current.id, task, isReady(changed), made);
	work.rows(tasks).update(current, { ...changed, updatedSeq: seq, etag: task.etag });
	updateWaiting(work, current, changed, (id) => appendUnblocked(work, id, current.id, made));
	return { task, seq };
}

/** Removes a task and its comments, with its event and what follows for those that wait for it. */
export function removeTask(work: UnitOfWork, task: TaskRow, last: Representation, made: Made): void {
	append(work, { type: "task.deleted" }, task.id, last, false, made);
	work.rows(tasks).remove(task);
	work.rows(comments).removeAllOf({ task: task.id, space: task.space });
	updateWaiting(work, task, undefined, (id) => appendUnblocked(work, id, task.id, made));
}

/** `ready`: whether the task is ready after it. */
function append(
	work: UnitOfWork,
	event: ChangeEvent,
	id: string,
	{ body }: Representation,
	ready: boolean,
	{ context, now }: Made,
): number {
	return work.append({ ...context, ...event, subject: taskPath(id), data: body, time: now, ready });
}

function appendUnblocked(work: UnitOfWork, id: string, by: string, { context, now }: Made): void {
	const data = `{"by":"${by}","id":"${id}"}`;
	work.append({ ...context, type: "task.unblocked", subject: taskPath(id), data, time: now });
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
