import { canonical } from "../kernel/canonical.ts";
import { parseTimestamp } from "../kernel/clock.ts";
import { type Fault, validationError } from "../kernel/errors.ts";
import { mergeMetadata } from "./metadata.ts";
import type { NewTask, TaskPatch } from "./schema.ts";
import { isFinished, type TaskRow } from "./store.ts";

/** The fields of a task that requests set, as a row has them. `blockedBy` is as it was given. */
export type SetFields = Pick<
	TaskRow,
	| "assignee"
	| "deferUntil"
	| "description"
	| "dueAt"
	| "labels"
	| "metadata"
	| "note"
	| "parent"
	| "priority"
	| "rank"
	| "status"
	| "title"
> & { readonly blockedBy: readonly string[] };

/** The rank of a task that was given none: the id's time and counter, so that older tasks come first. */
export function defaultRank(id: string): string {
	return `${id.slice(0, 18).replaceAll("-", "")}m`;
}

/**
 * A new task with its defaults. `author`: whose note it is. `path`: its place in the body. Throws `validation_error` for
 * what the schema does not see, every fault at once.
 */
export function newFields(id: string, task: NewTask, author: string, path = ""): SetFields {
	const faults: Fault[] = [];
	const fields: SetFields = {
		assignee: task.assignee ?? null,
		blockedBy: task.blocked_by ?? [],
		deferUntil: moment(task.defer_until ?? null, `${path}/defer_until`, faults),
		description: task.description ?? "",
		dueAt: moment(task.due_at ?? null, `${path}/due_at`, faults),
		labels: canonicalList(task.labels ?? []),
		metadata: merged("{}", task.metadata ?? null, `${path}/metadata`, faults),
		note: noteOf(task.note ?? null, author),
		parent: task.parent ?? null,
		priority: task.priority ?? 0,
		rank: task.rank ?? defaultRank(id),
		status: task.status ?? "open",
		title: task.title,
	};
	if (faults.length > 0) throw validationError(faults);
	return fields;
}

/**
 * What a patch sets: no field that it does not name. Throws `validation_error` for what the schema does not see, every
 * fault at once.
 */
export function patchedFields(
	{ id, metadata }: Pick<TaskRow, "id" | "metadata">,
	patch: TaskPatch,
	author: string,
): Partial<SetFields> {
	const faults: Fault[] = [];
	const fields: { -readonly [Name in keyof SetFields]?: SetFields[Name] } = {};
	if (patch.assignee !== undefined) fields.assignee = patch.assignee;
	if (patch.blocked_by !== undefined) fields.blockedBy = patch.blocked_by ?? [];
	if (patch.defer_until !== undefined) fields.deferUntil = moment(patch.defer_until, "/defer_until", faults);
	if (patch.description !== undefined) fields.description = patch.description ?? "";
	if (patch.due_at !== undefined) fields.dueAt = moment(patch.due_at, "/due_at", faults);
	if (patch.labels !== undefined) fields.labels = canonicalList(patch.labels ?? []);
	if (patch.metadata !== undefined) fields.metadata = merged(metadata, patch.metadata, "/metadata", faults);
	if (patch.note !== undefined) fields.note = noteOf(patch.note, author);
	if (patch.parent !== undefined) fields.parent = patch.parent;
	if (patch.priority !== undefined) fields.priority = patch.priority ?? 0;
	if (patch.rank !== undefined) fields.rank = patch.rank ?? defaultRank(id);
	if (patch.status !== undefined) fields.status = patch.status ?? "open";
	if (patch.title !== undefined) fields.title = patch.title;
	if (faults.length > 0) throw validationError(faults);
	return fields;
}

/** Each text once, sorted by UTF-16 code unit. */
export function canonicalList(texts: readonly string[]): string {
	return texts.length === 0 ? "[]" : JSON.stringify([...new Set(texts)].sort());
}

/** What a change of the status brings with it: when it began, and a note that no longer fits goes. */
export function withStatus(
	current: TaskRow,
	fields: Partial<Pick<TaskRow, "note" | "status">>,
	now: number,
): Pick<TaskRow, "note" | "status" | "statusSince"> {
	const { status = current.status, note } = fields;
	if (status === current.status) {
		return { status, statusSince: current.statusSince, note: note === undefined ? current.note : note };
	}
	const staysFinished = isFinished(current) && isFinished({ status });
	return { status, statusSince: staysFinished ? current.statusSince : now, note: note ?? null };
}

function noteOf(text: string | null, author: string): string | null {
	return text === null ? null : canonical({ by: author, text });
}

function merged(current: string, patch: object | null, path: string, faults: Fault[]): string {
	const outcome = mergeMetadata(current, patch, path);
	if (typeof outcome === "string") return outcome;
	faults.push(outcome);
	return current;
}

function moment(text: string | null, path: string, faults: Fault[]): number | null {
	if (text === null) return null;
	const time = parseTimestamp(text);
	if (time === undefined) faults.push({ message: "must be a time from the year 0 to 9999 in UTC", path });
	return time ?? null;
}
