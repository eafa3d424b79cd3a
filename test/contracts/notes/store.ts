import { defaultSpace, type InSpace } from "../../../src/kernel/space.ts";
import {
	Collection,
	narrowToIds,
	type RowsById,
	type RunUnit,
	type Unit,
} from "../../../src/kernel/unit-of-work.ts";

/** An example of a new module: its rows, what a unit of work may see of them, and its use cases. */

export interface NoteRow extends InSpace {
	/** The number of the event that created it. */
	readonly seq: number;
	readonly id: string;
	readonly text: string;
}

export type NoteRows = RowsById<NoteRow>;

/** The module's interface to the database. */
export interface NoteStore {
	list(): Promise<readonly NoteRow[]>;
}

export const notes = new Collection<{ readonly ids: readonly string[] }, NoteRows>({
	name: "notes",
	nothing: { ids: [] },
	hasRevision: true,
	narrow: (rows, { ids }, space) => narrowToIds(rows, ids, space, "a note"),
});

export function noteService(run: RunUnit) {
	return {
		create: (id: string, text: string) => run(createNote(id, text)),
		append: (id: string, text: string) => run(appendToNote(id, text)),
	};
}

function createNote(id: string, text: string): Unit<void> {
	return {
		space: defaultSpace,
		reads: [notes.inserts()],
		textLength: text.length,
		decide(work) {
			const seq = work.append(eventOf(id));
			work.rows(notes).insert({ seq, space: defaultSpace, id, text });
		},
	};
}

function appendToNote(id: string, text: string): Unit<string> {
	return {
		space: defaultSpace,
		reads: [notes.reads({ ids: [id] })],
		textLength: text.length,
		decide(work) {
			const note = work.rows(notes).find(id);
			if (note === undefined) throw new Error("no such note");
			const next = { ...note, text: note.text + text };
			work.append(eventOf(id));
			work.rows(notes).update(next);
			return next.text;
		},
	};
}

/** A real module adds event types of its own to event-draft.ts. */
function eventOf(id: string) {
	return {
		type: "task.updated",
		subject: `/notes/${id}`,
		data: "{}",
		actor: "system",
		requestId: "r",
		space: defaultSpace,
		time: 1,
	} as const;
}
