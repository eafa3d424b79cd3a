import type { Database } from "bun:sqlite";
import type { EventDraft } from "../../events/store.ts";
import type { Head } from "../../tasks/store.ts";

/**
 * The log's end, held by the writer from the begin to the commit of a group. SQLite has one writer at a time, so a
 * number taken anywhere in the transaction is in commit order; the head row is read and written once a group.
 */
export class EventAppender {
	readonly #read;
	readonly #write;
	readonly #insert;
	#taken: Head = { rev: 0, tasksRev: 0 };
	#kept = this.#taken;
	#now = this.#taken;

	/** Raw statements, because every change runs them: drizzle's placeholders cost three times an insert itself. */
	constructor(database: Database) {
		this.#read = database.query<Head, []>("SELECT rev, tasks_rev AS tasksRev FROM log_head");
		this.#write = database.query("UPDATE log_head SET rev = ?, tasks_rev = ? WHERE one = 1");
		this.#insert = database.query(
			"INSERT INTO events (id, type, subject, data, request_id, time) VALUES (?, ?, ?, ?, ?, ?)",
		);
	}

	/** After the group's begin. */
	take(): void {
		const head = this.#read.get();
		if (head === null) throw new Error("the log has no head");
		this.#taken = this.#kept = this.#now = head;
	}

	append(event: EventDraft): number {
		const rev = this.#now.rev + 1;
		const { type, subject, data, requestId, time } = event;
		this.#insert.run(rev, type, subject, data, requestId, time);
		this.#now = { rev, tasksRev: type.startsWith("task.") ? rev : this.#now.tasksRev };
		return rev;
	}

	/** Whether the current unit has appended anything. */
	get isChanged(): boolean {
		return this.#now !== this.#kept;
	}

	/** The current unit's events stay. */
	keep(): void {
		this.#kept = this.#now;
	}

	/** The current unit's events are taken back; their rows go with its savepoint. */
	takeBack(): void {
		this.#now = this.#kept;
	}

	/** Before the group's commit. */
	write(): void {
		if (this.#now.rev !== this.#taken.rev) this.#write.run(this.#now.rev, this.#now.tasksRev);
	}
}
