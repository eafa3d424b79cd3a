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
		this.#byId = database.query<NoteRow, [string]>("SELECT seq, id, text FROM notes WHERE id = ?");
		this.#insert = database.query("INSERT INTO notes (seq, id, text) VALUES (?, ?, ?)");
		this.#update = database.query("UPDATE notes SET text = ? WHERE id = ?");
		this.#remove = database.query("DELETE FROM notes WHERE id = ?");
	}

	find(id: string): NoteRow | undefined {
		return this.#byId.get(id) ?? undefined;
	}

	insert({ seq, id, text }: NoteRow): void {
		this.wrote();
		this.#insert.run(seq, id, text);
	}

	update({ id, text }: NoteRow): void {
		this.wrote();
		this.#update.run(text, id);
	}

	remove({ id }: NoteRow): void {
		this.wrote();
		this.#remove.run(id);
	}
}

function noteStore({ db }: StoreContext): NoteStore {
	return { list: async () => db.select().from(noteTable).orderBy(asc(noteTable.seq)).all() };
}
