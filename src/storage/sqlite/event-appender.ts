import type { Database } from "bun:sqlite";
import { numbered } from "../../events/store.ts";
import type { EventDraft } from "../../kernel/event-draft.ts";
import type { Revised } from "../revised.ts";
import { eventTable } from "./collections/events.ts";
import { TableStatements } from "./table-statements.ts";

/**
 * Appends to the end of the log, from the begin to the commit of a group. SQLite has one writer at a time, so a number
 * assigned anywhere in the transaction is in commit order; the head row is read and written once per group.
 */
export class EventAppender {
	readonly #read;
	readonly #write;
	readonly #revise;
	readonly #statements;
	#taken = 0;
	#kept = 0;
	#rev = 0;

	constructor(database: Database) {
		this.#read = database.query<{ rev: number }, []>("SELECT rev FROM log_head");
		this.#write = database.query("UPDATE log_head SET rev = ? WHERE one = 1");
		this.#revise = database.query(
			"INSERT INTO revisions (space, collection, rev) VALUES (?, ?, ?) ON CONFLICT (space, collection) DO UPDATE SET rev = excluded.rev",
		);
		this.#statements = new TableStatements(database, eventTable, { key: "id", fixed: [] });
	}

	/** After the group's begin. */
	begin(): void {
		const head = this.#read.get();
		if (head === null) throw new Error("the log has no head");
		this.#taken = this.#kept = this.#rev = head.rev;
	}

	get rev(): number {
		return this.#rev;
	}

	append(event: EventDraft): number {
		const rev = this.#rev + 1;
		this.#statements.insert(numbered(rev, event));
		this.#rev = rev;
		return rev;
	}

	/** Whether the current unit has appended anything. */
	get isChangedByUnit(): boolean {
		return this.#rev !== this.#kept;
	}

	/** Keeps the current unit's events. */
	keep(): void {
		this.#kept = this.#rev;
	}

	/** Undoes the current unit's events, with its savepoint. */
	undo(): void {
		this.#rev = this.#kept;
	}

	/** Before the group's commit. */
	write(revised: readonly Revised[]): void {
		if (this.#rev === this.#taken) return;
		this.#write.run(this.#rev);
		for (const { space, collection } of revised) this.#revise.run(space, collection, this.#rev);
	}
}
