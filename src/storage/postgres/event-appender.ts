import type { EventDraft } from "../../event-draft.ts";
import { channel } from "./commit-notifier.ts";
import type { Fragment, Sql, Tx } from "./connection.ts";
import { instanceOf } from "./log-epoch.ts";

/**
 * The end of the log, held by a group's transaction until its commit. A sequence would not do: its values are taken at
 * insert and seen at commit, so a reader that asks for `id > cursor` would pass over a number that is committed late. The
 * head row's lock makes the holder of the next number the next to commit.
 */
export class EventAppender {
	readonly #drafts: Numbered[] = [];
	#kept = 0;

	/** `first`: the number before the group's first event; 0 where the numbers count from there until they are written. */
	constructor(private readonly first: number) {}

	/** Takes the head, and the clock after it: another writer may have held it for long. */
	static async take(tx: Tx): Promise<TakenHead> {
		const [[head], [clock]] = await Promise.all([
			tx<{ rev: number }[]>`SELECT rev FROM log_head WHERE one = 1 FOR UPDATE`,
			tx<{ now: number; instance: number }[]>`
				SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now, ${instanceOf(tx)} AS instance`,
		]);
		if (head === undefined || clock === undefined) throw new Error("the log has no head");
		return { log: new EventAppender(head.rev), ...clock };
	}

	get isEmpty(): boolean {
		return this.#drafts.length === 0;
	}

	append(event: EventDraft): number {
		const id = this.first + this.#drafts.length + 1;
		this.#drafts.push({ ...event, id });
		return id;
	}

	keep(): void {
		this.#kept = this.#drafts.length;
	}

	undo(): void {
		this.#drafts.length = this.#kept;
	}

	/** `changed`: names of the collections whose revision this group moves. */
	write(tx: Tx, changed: readonly string[]): readonly PromiseLike<unknown>[] {
		if (this.isEmpty) return [];
		const rev = this.first + this.#drafts.length;
		return [
			tx`UPDATE log_head SET rev = ${rev} WHERE one = 1`,
			...(changed.length > 0 ? [revise(tx, changed, { base: tx`${rev}::bigint`, from: tx`` })] : []),
			// A wake-up only: it goes out with the commit, and the log is read again whether it comes or not.
			tx`SELECT pg_notify(${channel}, '')`,
			insertEvents(tx, this.#drafts, numbersAsTheyAre(tx)),
		];
	}

	/**
	 * Takes the head, appends, and does `inserts`: all in one statement, which is a transaction and a round trip by itself.
	 * False, and nothing is done, on a server that has not been checked for a new epoch.
	 */
	async writeAlone(
		sql: Sql,
		checkedInstance: number,
		changed: readonly string[],
		inserts: (head: HeadOfGroup) => readonly Fragment[],
	): Promise<boolean> {
		const count = this.#drafts.length;
		const head = { base: sql`head.base`, from: sql`head,` };
		const steps = [
			insertEvents(sql, this.#drafts, head),
			...(changed.length > 0 ? [revise(sql, changed, { ...head, base: sql`head.base + ${count}` })] : []),
			...inserts(head),
		];
		const done = await sql`
			WITH head AS (
				UPDATE log_head SET rev = rev + ${count}
				WHERE one = 1 AND ${instanceOf(sql)} = ${checkedInstance}::bigint RETURNING rev - ${count} AS base)
			${steps.map((step, index) => sql`, ${sql(`step_${index}`)} AS (${step})`)}
			SELECT pg_notify(${channel}, '') FROM head`;
		return done.length > 0;
	}
}

/** The head row in a group's hand, and what is true of its server. */
interface TakenHead {
	readonly log: EventAppender;
	/** The database's clock, in milliseconds. */
	readonly now: number;
	/** The server, as `instanceOf` names it. */
	readonly instance: number;
}

/** How a statement puts the numbers of its rows in place: `SELECT ${base} + seq, … FROM ${from} unnest(…)`. */
export interface HeadOfGroup {
	readonly base: Fragment;
	readonly from: Fragment;
}

/** For rows that have their numbers already. */
export function numbersAsTheyAre(sql: Sql | Tx): HeadOfGroup {
	return { base: sql`0`, from: sql`` };
}

type Numbered = EventDraft & { readonly id: number };

function revise(sql: Sql | Tx, changed: readonly string[], { base, from }: HeadOfGroup) {
	return sql`INSERT INTO revisions (collection, rev)
		SELECT name, ${base} FROM ${from} unnest(${[...changed]}::text[]) AS changed (name)
		ON CONFLICT (collection) DO UPDATE SET rev = excluded.rev`;
}

function insertEvents(sql: Sql | Tx, drafts: readonly Numbered[], { base, from }: HeadOfGroup) {
	return sql`INSERT INTO events (id, type, subject, data, request_id, time)
		SELECT ${base} + id, type, subject, data, request_id, time FROM ${from} unnest(
			${drafts.map(({ id }) => id)}::bigint[],
			${drafts.map(({ type }) => type)}::text[],
			${drafts.map(({ subject }) => subject)}::text[],
			${drafts.map(({ data }) => data)}::text[],
			${drafts.map(({ requestId }) => requestId)}::text[],
			${drafts.map(({ time }) => time)}::bigint[]) AS draft (id, type, subject, data, request_id, time)`;
}
