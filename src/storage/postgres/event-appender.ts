import type { EventDraft } from "../../events/store.ts";
import { channel } from "./commit-notifier.ts";
import type { Fragment, Sql, Tx } from "./connection.ts";

interface Head {
	readonly rev: number;
	readonly tasksRev: number;
}

/**
 * The log's end, held by this transaction until its commit. A sequence would not do: its values are taken at insert
 * and seen at commit, so a reader that asks for `id > cursor` would pass over a number that is committed late. The
 * head row's lock makes the holder of the next number the next to commit.
 */
export class EventAppender {
	readonly #drafts: Numbered[] = [];
	#kept = 0;

	private constructor(
		private readonly taken: Head,
		private rev: number,
	) {}

	/** The log's end for a group that looks at nothing: numbers count from 0 until `writeBlind` puts them in place. */
	static blind(): EventAppender {
		return new EventAppender({ rev: 0, tasksRev: 0 }, 0);
	}

	static async take(tx: Tx): Promise<EventAppender> {
		const [head] = await tx<
			Head[]
		>`SELECT rev, tasks_rev AS "tasksRev" FROM log_head WHERE one = 1 FOR UPDATE`;
		if (head === undefined) throw new Error("the log has no head");
		return new EventAppender(head, head.rev);
	}

	get isEmpty(): boolean {
		return this.#drafts.length === 0;
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
			insertEvents(tx, drafts, tx`0`),
		];
	}

	/**
	 * For events of tasks: takes the head, appends, and does `more`, which may name the number before the group's first as `base`: all in
	 * one statement, which is a transaction and a round trip by itself.
	 */
	writeBlind(sql: Sql, more: (base: Fragment) => Fragment): PromiseLike<unknown> {
		const count = this.#drafts.length;
		const base = sql`(SELECT base FROM head)`;
		return sql`
			WITH head AS (
				UPDATE log_head SET rev = rev + ${count}, tasks_rev = rev + ${count}
				WHERE one = 1 RETURNING rev - ${count} AS base),
			appended AS (${insertEvents(sql, this.#drafts, base)}),
			done AS (${more(base)})
			SELECT pg_notify(${channel}, '') FROM head`;
	}
}

type Numbered = EventDraft & { readonly id: number };

function insertEvents(sql: Sql | Tx, drafts: readonly Numbered[], base: Fragment) {
	return sql`INSERT INTO events (id, type, subject, data, request_id, time)
		SELECT ${base} + id, type, subject, data, request_id, time FROM unnest(
			${drafts.map(({ id }) => id)}::bigint[],
			${drafts.map(({ type }) => type)}::text[],
			${drafts.map(({ subject }) => subject)}::text[],
			${drafts.map(({ data }) => data)}::text[],
			${drafts.map(({ requestId }) => requestId)}::text[],
			${drafts.map(({ time }) => time)}::bigint[]) AS draft (id, type, subject, data, request_id, time)`;
}
