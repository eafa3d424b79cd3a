import type { Cursors } from "../http/paging.ts";
import { readQuery } from "../http/validation.ts";
import { canonical } from "../kernel/canonical.ts";
import { type Fault, validationError } from "../kernel/errors.ts";
import { isId } from "../kernel/ids.ts";
import type { SpaceId } from "../kernel/space.ts";
import { TaskQuery } from "./schema.ts";
import { Search, searchWordsMax, wordsOf } from "./search.ts";
import type { TaskFilter, TaskPageBounds, TaskPageQuery, TaskPlace, TaskRow, TaskSort } from "./store.ts";

export const listPath = "/collab/state/tasks";

/** What a page may take. A search makes 5 Mi steps, so it reads 15 MiB at most, and takes some 20 ms. */
export const pageBounds: TaskPageBounds = {
	rowsMax: 10_000,
	costlyRowsMax: 5_000,
	bytesMax: 4 * 1024 * 1024,
	stepsMax: 5 * 1024 * 1024,
};
/** How many labels a task has at most. */
const labelsMax = 20;

const parse = readQuery(TaskQuery);

/** A list as a client asks for it: what to read, and how to go on. */
export interface ListRequest {
	readonly query: TaskPageQuery;
	/** The cursor of a place in this list. */
	cursorOf(place: TaskPlace): string;
	/** The address of the page behind a cursor, without a space's prefix. */
	pageAfter(cursor: string): string;
}

/** Throws `validation_error`. */
export function listRequest(
	space: SpaceId,
	text: string,
	cursors: Cursors,
	bounds = pageBounds,
): ListRequest {
	const parameters = parse(text);
	const { cursor, limit = 100, sort = "created", order = "desc", brief } = parameters;
	// A cursor belongs to its query, all but the limit.
	const { cursor: _, limit: __, ...own } = parameters;
	const list = `tasks ${space} ${canonical({ ...own, sort, order, label: distinct(own.label), status: distinct(own.status) })}`;
	const faults: Fault[] = [];
	const filter = filterOf(parameters, faults);
	const after = cursor === undefined ? undefined : placeIn(cursors.open(list, cursor), faults);
	if (faults.length > 0) throw validationError(faults);
	return {
		query: { space, filter, sort, order, limit, after, isBrief: brief !== undefined, bounds },
		cursorOf: (place) => cursors.seal(list, JSON.stringify(place)),
		pageAfter: (next) => `${listPath}?${parametersOf({ cursor: next, limit, order, ...own })}`,
	};
}

function placeIn(opened: string | undefined, faults: Fault[]): TaskPlace | undefined {
	if (opened !== undefined) return JSON.parse(opened);
	faults.push({ message: "is not a cursor that this list gave out for these parameters", path: "/cursor" });
	return undefined;
}

function parametersOf(
	values: Readonly<Record<string, string | number | readonly string[]>>,
): URLSearchParams {
	const parameters = new URLSearchParams();
	for (const [name, value] of Object.entries(values)) {
		for (const one of [value].flat()) parameters.append(name, String(one));
	}
	return parameters;
}

function filterOf(parameters: TaskQuery, faults: Fault[]): TaskFilter | "nothing" {
	const { status, label, assignee, claimed_by, parent, blocked_by, due_before, number, ready, q } =
		parameters;
	const dueBefore = due_before === undefined ? undefined : timeOf(due_before, faults);
	const search = q === undefined ? undefined : searchOf(q, faults);
	const labels = distinct(label);
	if (![parent, blocked_by].every((id) => !id || isId(id)) || (labels?.length ?? 0) > labelsMax)
		return "nothing";
	return {
		statuses: distinct(status),
		labels,
		assignee: orNull(assignee),
		claimedBy: orNull(claimed_by),
		parent: orNull(parent),
		blockedBy: orNull(blocked_by),
		dueBefore,
		number,
		isReady: ready !== undefined,
		search,
	};
}

/** In one order, so that the order in which a client gives them makes no other query. */
function distinct<T extends string>(values: readonly T[] | undefined): readonly T[] | undefined {
	return values && [...new Set(values)].sort();
}

function orNull(text: string | undefined): string | null | undefined {
	return text === "" ? null : text;
}

function timeOf(text: string, faults: Fault[]): number | undefined {
	const time = Date.parse(text);
	if (!Number.isNaN(time)) return time;
	faults.push({ message: "must be a time", path: "/due_before" });
	return undefined;
}

function searchOf(q: string, faults: Fault[]): Search | undefined {
	const words = wordsOf(q);
	if (words.length > 0 && words.length <= searchWordsMax) return new Search(words);
	const message =
		words.length === 0 ? "must have a letter or a digit" : `must have at most ${searchWordsMax} words`;
	faults.push({ message, path: "/q" });
	return undefined;
}

/** The place of a task in an order. */
export function placeOf(row: TaskRow, sort: TaskSort): TaskPlace {
	switch (sort) {
		case "created":
			return [row.seq];
		case "updated":
			return [row.updatedSeq];
		case "priority":
			return [row.priority, row.rank, row.seq];
		case "status_since":
			return [row.statusSince, row.seq];
	}
}
