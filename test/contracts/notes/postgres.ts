import { asc } from "drizzle-orm";
import { bigint, integer, pgTable, text, uuid } from "drizzle-orm/pg-core";
import {
	type GroupRows,
	type Registration,
	type StoreContext,
	unitsOf,
} from "../../../src/storage/postgres/collection.ts";
import type { Fragment, Sql, Tx } from "../../../src/storage/postgres/connection.ts";
import type { HeadOfGroup } from "../../../src/storage/postgres/head-of-group.ts";
import { IdentityMap } from "../../../src/storage/postgres/identity-map.ts";
import { TableStatements } from "../../../src/storage/postgres/table-statements.ts";
import { notes as collection, type NoteRow, type NoteRows, type NoteStore } from "./store.ts";

export const noteTable = pgTable("notes", {
	seq: bigint({ mode: "number" }).primaryKey(),
	id: uuid().notNull().unique(),
	text: text().notNull(),
	space: integer().notNull(),
});

const noteStatements = new TableStatements(noteTable, {
	key: "id",
	fixed: ["seq", "space"],
	numbered: ["seq"],
});

export const notes = {
	tables: { notes: noteTable },
	units: unitsOf(collection, () => new NoteGroupRows()),
	store: noteStore,
} satisfies Registration<NoteStore, { notes: NoteRow }>;

type NoteReadSet = { readonly ids: readonly string[] };

class NoteGroupRows extends IdentityMap<NoteRow> implements NoteRows, GroupRows<NoteReadSet, NoteRows> {
	readonly rows = this;

	constructor() {
		super(
			({ id }) => id,
			({ space }) => space,
		);
	}

	async fetch(tx: Tx, readSets: readonly NoteReadSet[]): Promise<void> {
		const ids = readSets.flatMap((readSet) => readSet.ids);
		if (ids.length === 0) return;
		this.load(
			await tx<NoteRow[]>`
			SELECT ${noteStatements.columns(tx)} FROM notes WHERE id = ANY(${ids}::uuid[])`,
		);
	}

	find(id: string): NoteRow | undefined {
		return this.get(id);
	}

	insert(row: NoteRow): void {
		this.add(row);
	}

	update(row: NoteRow): void {
		this.put(row);
	}

	remove(row: NoteRow): void {
		this.delete(row);
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return noteStatements.write(tx, this.changes());
	}

	insertAfter(sql: Sql, head: HeadOfGroup): readonly Fragment[] {
		return [noteStatements.insert(sql, this.changes().inserted, head)];
	}
}

function noteStore({ db }: StoreContext): NoteStore {
	return { list: async () => db.select().from(noteTable).orderBy(asc(noteTable.seq)) };
}
