import type { Representation } from "../kernel/canonical.ts";
import type { SpaceId } from "../kernel/space.ts";
import type { Read, UnitOfWork } from "../kernel/unit-of-work.ts";
import { checkNew, type NewLinks, openBlockersOf, readsOfNew } from "./blocking.ts";
import { addTask, type Made } from "./changes.ts";
import { tasks } from "./collection.ts";
import type { SetFields } from "./fields.ts";

/** A task that is to be added, and its place in the request's body. */
export interface Added {
	readonly id: string;
	readonly fields: SetFields;
	readonly path: string;
}

/** What a unit that adds these tasks reads: no row where they name no other ones and have no time to wait for. */
export function readsOfAdding(added: readonly Added[], space: SpaceId): Read {
	const numbers = { space, count: added.length };
	const links = readsOfNew(added.map(linksOf));
	const isPlain = links.states === undefined && added.every(({ fields }) => fields.deferUntil === null);
	return isPlain ? tasks.inserts({ numbers }) : tasks.reads({ ...links, numbers });
}

/** Adds all of them, in their order, or throws before anything is written. */
export function addTasks(work: UnitOfWork, added: readonly Added[], made: Made): readonly Representation[] {
	const rows = work.rows(tasks);
	checkNew(rows, added.map(linksOf));
	const own = added.length === 1 ? undefined : new Map(added.map(({ id, fields }) => [id, fields]));
	return added.map(({ id, fields }) => {
		const deferUntil = futureOnly(work, fields.deferUntil);
		const openBlockers = openBlockersOf(rows, fields.blockedBy, own);
		return addTask(work, { id, fields, deferUntil, openBlockers }, made);
	});
}

/** A time that is not in the future by the database's clock is none. */
export function futureOnly(work: UnitOfWork, time: number | null): number | null {
	return time !== null && time > work.now() ? time : null;
}

export function textLengthOf(fields: Partial<SetFields>): number {
	const { title = "", description = "", metadata = "", labels = "" } = fields;
	return title.length + description.length + metadata.length + labels.length;
}

function linksOf({ id, fields, path }: Added): NewLinks {
	const { blockedBy, parent } = fields;
	return { id, path, blockedBy, parent };
}
