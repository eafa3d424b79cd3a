import type { Database } from "bun:sqlite";
import { asc } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import {
	type Registration,
	RowsInPlace,
	type StoreContext,
	unitsOf,
} from "../../../src/storage/sqlite/collection.ts";
import { notes as collection, type NoteRow, type NoteRows, type NoteStore } from "./store.ts";

export const noteTable = sqliteTable("notes", {
	seq: integer().primaryKey(),
	id: text().notNull().unique(),
	text: text().notNull(),
	space: integer().notNull(),
});

export const notes = {
	tables: { notes: noteTable },
	units: unitsOf(collection, (database: Database) => new NoteRowsInPlace(database)),
	store: noteStore,
} satisfies Registration<NoteStore, { notes: NoteRow }>;

class NoteRowsInPlace extends RowsInPlace implements NoteRows {
	readonly #byId;
	readonly #insert;
	readonly #update;
	readonly #remove;

	constructor(database: Database) {
		super();
		this.#byId = database.query<NoteRow, [string]>("SELECT seq, id, text, space FROM notes WHERE id = ?");
		this.#insert = database.query("INSERT INTO notes (seq, id, text, space) VALUES (?, ?, ?, ?)");
		this.#update = database.query("UPDATE notes SET text = ? WHERE id = ?");
		this.#remove = database.query("DELETE FROM notes WHERE id = ?");
	}

	find(id: string): NoteRow | undefined {
		return this.#byId.get(id) ?? undefined;
	}

	insert(row: NoteRow): void {
		this.wrote(row);
		this.#insert.run(row.seq, row.id, row.text, row.space);
	}

	update(row: NoteRow): void {
		this.wrote(row);
		this.#update.run(row.text, row.id);
	}

	remove(row: NoteRow): void {
		this.wrote(row);
		this.#remove.run(row.id);
	}
}

function noteStore({ db }: StoreContext): NoteStore {
	return { list: async () => db.select().from(noteTable).orderBy(asc(noteTable.seq)).all() };
}
