import type { Database } from "bun:sqlite";
import { eq, sql } from "drizzle-orm";
import type { EventDraft } from "../../events/store.ts";
import type { Db } from "./connection.ts";
import { logHead } from "./schema.ts";

/**
 * The log's end, held by the writer from the begin to the commit of a group. SQLite has one writer at a time, so a
 * number taken anywhere in the transaction is in commit order; the head row is read and written once a group.
 */
export class EventTail {
	readonly #read;
	readonly #write;
	readonly #insert;
	#taken = { rev: 0, tasksRev: 0 };
	#kept = { rev: 0, tasksRev: 0 };
	#now = { rev: 0, tasksRev: 0 };

	constructor(database: Database, db: Db) {
		this.#read = db.select({ rev: logHead.rev, tasksRev: logHead.tasksRev }).from(logHead).prepare();
		this.#write = db
			.update(logHead)
			.set({ rev: sql`${sql.placeholder("rev")}`, tasksRev: sql`${sql.placeholder("tasksRev")}` })
			.where(eq(logHead.one, 1))
			.prepare();
		// Raw, because every change runs it: drizzle's placeholders cost three times the insert itself.
		this.#insert = database.query(
			"INSERT INTO events (id, type, subject, data, request_id, time) VALUES (?, ?, ?, ?, ?, ?)",
		);
	}

	/** After the group's begin. */
	take(): void {
		const head = this.#read.get();
		if (head === undefined) throw new Error("the log has no head");
		this.#taken = this.#kept = this.#now = head;
	}

	append(event: EventDraft): number {
		const rev = this.#now.rev + 1;
		const { type, subject, data, requestId, time } = event;
		this.#insert.run(rev, type, subject, data, requestId, time);
		this.#now = { rev, tasksRev: type.startsWith("task.") ? rev : this.#now.tasksRev };
		return rev;
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
		if (this.#now.rev !== this.#taken.rev) this.#write.run(this.#now);
	}
}
