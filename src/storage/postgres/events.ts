import type { EventDraft } from "../../events/store.ts";
import type { Tx } from "./database.ts";
import { channel } from "./events-signal.ts";

interface Head {
	readonly rev: number;
	readonly tasksRev: number;
}

/**
 * The log's end, held by this transaction until its commit. A sequence would not do: its values are taken at insert
 * and seen at commit, so a reader that asks for `id > cursor` would pass over a number that is committed late. The
 * head row's lock makes the holder of the next number the next to commit.
 */
export class EventTail {
	readonly #drafts: (EventDraft & { readonly id: number })[] = [];
	#kept = 0;

	private constructor(
		private readonly taken: Head,
		private rev: number,
	) {}

	static async take(tx: Tx): Promise<EventTail> {
		const [head] = await tx<
			Head[]
		>`SELECT rev, tasks_rev AS "tasksRev" FROM log_head WHERE one = 1 FOR UPDATE`;
		if (head === undefined) throw new Error("the log has no head");
		return new EventTail(head, head.rev);
	}

	append(event: EventDraft): number {
		this.rev++;
		this.#drafts.push({ ...event, id: this.rev });
		return this.rev;
	}

	keep(): void {
		this.#kept = this.#drafts.length;
	}

	takeBack(): void {
		this.#drafts.length = this.#kept;
		this.rev = this.taken.rev + this.#kept;
	}

	write(tx: Tx): PromiseLike<unknown>[] {
		const drafts = this.#drafts;
		if (drafts.length === 0) return [];
		const tasksRev = drafts.findLast(({ type }) => type.startsWith("task."))?.id ?? this.taken.tasksRev;
		return [
			tx`UPDATE log_head SET rev = ${this.rev}, tasks_rev = ${tasksRev} WHERE one = 1`,
			// A wake-up only: it goes out with the commit, and the log is read again whether it comes or not.
			tx`SELECT pg_notify(${channel}, '')`,
			tx`INSERT INTO events (id, type, subject, data, request_id, time)
				SELECT * FROM unnest(
					${drafts.map(({ id }) => id)}::bigint[],
					${drafts.map(({ type }) => type)}::text[],
					${drafts.map(({ subject }) => subject)}::text[],
					${drafts.map(({ data }) => data)}::text[],
					${drafts.map(({ requestId }) => requestId)}::text[],
					${drafts.map(({ time }) => time)}::bigint[])`,
		];
	}
}
