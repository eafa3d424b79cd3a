import type { EventDraft } from "../kernel/event-draft.ts";
import { isWithin, type UnitSpace } from "../kernel/space.ts";
import {
	type AnyCollection,
	type Collection,
	type Read,
	ReadSetError,
	requireNamed,
	type Unit,
	type UnitOfWork,
} from "../kernel/unit-of-work.ts";

/** What a database provides for a whole group: the rows of each collection, its clock, the end of its log. */
export interface Group {
	now(): number;
	/** The number of the newest event, those of the group included. */
	rev(): number;
	append(event: EventDraft): number;
	/** Undefined for a collection that is not registered. */
	rows(collection: AnyCollection): unknown;
}

/** A group as one unit sees it: only what its own read set names, whatever the other units of the group read. */
export class ScopedWork implements UnitOfWork {
	/** The rows that the unit has used, each narrowed once. */
	readonly #narrowed = new Map<AnyCollection, unknown>();

	constructor(
		private readonly unit: Pick<Unit<unknown>, "reads" | "space">,
		private readonly group: Group,
	) {}

	now(): number {
		requireNamed(!onlyInserts(this.unit.reads), "the clock");
		return this.group.now();
	}

	rev(): number {
		requireNamed(!onlyInserts(this.unit.reads), "the log's newest number");
		return this.group.rev();
	}

	append(event: EventDraft): number {
		requireNamed(isWithin(this.unit.space ?? nowhere, event), "the log of another space");
		return this.group.append(event);
	}

	rows<ReadSet, Rows>(collection: Collection<ReadSet, Rows>): Rows {
		const narrowed = this.#narrowed.get(collection) ?? this.#narrow(collection);
		this.#narrowed.set(collection, narrowed);
		// Both types belong to this collection: `reads` sets the one, the database's registration the other.
		return narrowed as Rows;
	}

	#narrow(collection: AnyCollection): unknown {
		const rows = this.group.rows(collection);
		if (rows === undefined) throw new ReadSetError(`the collection ${collection.name} is not registered`);
		const read = this.unit.reads.find((one) => one.collection === collection);
		requireNamed(read !== undefined, collection.name);
		return collection.narrow(rows, read?.readSet as never, this.unit.space ?? nowhere);
	}
}

/** The space of a unit that has to do with none: no row and no event is in it. */
const nowhere: UnitSpace = 0;

/** Whether these units read nothing, not even the clock. */
export function onlyInserts(reads: readonly Read[]): boolean {
	return reads.every(({ insertsOnly }) => insertsOnly);
}
