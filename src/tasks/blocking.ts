import { AppError, type Fault, validationError } from "../kernel/errors.ts";
import { isId } from "../kernel/ids.ts";
import type { UnitOfWork } from "../kernel/unit-of-work.ts";
import { blockersMax, parentsMax, type TaskReadSet, type TaskRows, tasks, waitingMax } from "./collection.ts";
import type { SetFields } from "./fields.ts";
import type { TaskPatch } from "./schema.ts";
import { isFinished, type TaskRow } from "./store.ts";

/** What a task names: its blockers as they were given, repeats among them, and its parent. */
type Links = Pick<SetFields, "blockedBy" | "parent">;

/** A new task, and its place in the request's body. */
export interface NewLinks extends Links {
	readonly id: string;
	readonly path: string;
}

function namesNone({ blockedBy, parent }: Links): boolean {
	return blockedBy.length === 0 && parent === null;
}

/** What a unit reads to add tasks with these links. Empty where it need not look at any row. */
export function readsOfNew(added: readonly NewLinks[]): TaskReadSet {
	if (added.every(namesNone)) return {};
	const own = new Set(added.map(({ id }) => id));
	const others = (ids: readonly string[]) => [...new Set(ids)].filter((id) => isId(id) && !own.has(id));
	const namedBy = others(added.flatMap(({ blockedBy }) => blockedBy));
	const states = others([...namedBy, ...added.flatMap(({ parent }) => parent ?? [])]);
	return states.length === 0 ? {} : { states, namedBy };
}

/** Throws `validation_error` and `conflict` for links that new tasks cannot have. They cannot close a cycle. */
export function checkNew(rows: TaskRows, added: readonly NewLinks[]): void {
	if (added.every(namesNone)) return;
	const own = new Set(added.map(({ id }) => id));
	const isThere = (id: string) => own.has(id) || (isId(id) && rows.state(id) !== undefined);
	const faults = added.flatMap((links) => unknownLinks(links, links.path, isThere));
	if (faults.length > 0) throw validationError(faults);
	const named = new Map<string, number>();
	for (const { blockedBy } of added) {
		for (const blocker of new Set(blockedBy)) {
			const count = named.get(blocker) ?? (own.has(blocker) ? 0 : rows.namedBy(blocker));
			requireRoom(count);
			named.set(blocker, count + 1);
		}
	}
}

/** How many of its blockers a new task waits for. `added`: the new tasks of the same unit, by their ids. */
export function openBlockersOf(
	rows: TaskRows,
	blockedBy: readonly string[],
	added?: ReadonlyMap<string, Pick<TaskRow, "status">>,
): number {
	if (blockedBy.length === 0) return 0;
	return [...new Set(blockedBy)].filter((id) => {
		const blocker = added?.get(id) ?? (isId(id) ? rows.state(id) : undefined);
		return blocker !== undefined && !isFinished(blocker);
	}).length;
}

/** What a unit reads to give a task the links of a patch. */
export function readsOfChange(id: string, { blocked_by, parent }: TaskPatch): TaskReadSet {
	const blockers = blocked_by?.filter(isId);
	const parents = typeof parent === "string" && isId(parent) ? [parent] : undefined;
	return {
		...((blockers ?? parents) && { states: [...(blockers ?? []), ...(parents ?? [])] }),
		...(blockers && { namedBy: blockers, above: { of: id, ids: blockers } }),
		...(parents && { parents }),
	};
}

/** Throws `validation_error` and `conflict` for links that a task cannot get. What it has already is not looked at. */
export function checkChange(
	rows: TaskRows,
	current: TaskRow,
	{ blockedBy = [], parent = null }: Partial<Links>,
): void {
	const before: readonly string[] = JSON.parse(current.blockedBy);
	const isThere = (id: string) =>
		before.includes(id) || current.parent === id || (isId(id) && rows.state(id) !== undefined);
	const faults = unknownLinks({ blockedBy, parent }, "", isThere);
	if (faults.length > 0) throw validationError(faults);
	const added = [...new Set(blockedBy)].filter((id) => !before.includes(id));
	for (const id of added) requireRoom(rows.namedBy(id));
	if (added.length > 0) requireNoCycle(rows, current.id, added);
	if (parent !== null && parent !== current.parent) requireNoAncestor(rows, current.id, parent);
}

/** `isThere`: also where the id is no new one. */
function unknownLinks(
	{ blockedBy, parent }: Links,
	path: string,
	isThere: (id: string) => boolean,
): readonly Fault[] {
	const fault = (place: string) => ({
		message: "is not the id of a task that is there",
		path: `${path}${place}`,
	});
	const faults = blockedBy.flatMap((id, index) => (isThere(id) ? [] : [fault(`/blocked_by/${index}`)]));
	return parent === null || isThere(parent) ? faults : [...faults, fault("/parent")];
}

function requireRoom(count: number): void {
	if (count >= waitingMax) throw conflict(`${waitingMax} tasks name this blocker already.`);
}

/** Walks up from the new blockers: none may wait for the task. */
function requireNoCycle(rows: TaskRows, id: string, added: readonly string[]): void {
	const seen = new Set(added);
	for (const blocker of seen) {
		if (blocker === id) throw conflict("A task cannot wait for itself, or for one that waits for it.");
		const next = seen.size > blockersMax ? undefined : rows.blockersOf(blocker);
		if (next === undefined) {
			throw conflict(`More than ${blockersMax} tasks come before: a cycle cannot be ruled out.`);
		}
		for (const one of next) seen.add(one);
	}
}

function requireNoAncestor(rows: TaskRows, id: string, parent: string): void {
	let ancestor: string | null | undefined = parent;
	for (let count = 1; ancestor !== null; count++) {
		if (ancestor === id) throw conflict("A task cannot be a part of itself, or of one that is a part of it.");
		if (ancestor === undefined || count > parentsMax) {
			throw conflict(`More than ${parentsMax} tasks stand above: a cycle cannot be ruled out.`);
		}
		ancestor = rows.parentOf(ancestor);
	}
}

function conflict(message: string): AppError {
	return new AppError("conflict", message);
}

/**
 * After a task was finished, reopened or removed: counts it for those that name it. `free` is called for each unfinished
 * task that nothing blocks any more, oldest first.
 */
export function updateWaiting(
	work: UnitOfWork,
	before: TaskRow,
	after: Pick<TaskRow, "status"> | undefined,
	free: (id: string) => void,
): void {
	const blocked = !isFinished(before);
	const blocks = after !== undefined && !isFinished(after);
	if (blocked === blocks) return;
	const rows = work.rows(tasks);
	for (const task of rows.waitingFor(before.id)) {
		const count = task.openBlockers + (blocks ? 1 : -1);
		rows.setOpenBlockers(task, count);
		if (count === 0 && !isFinished(task)) free(task.id);
	}
}
