import { numbered, type StoredEvent } from "../../events/store.ts";
import type { EventDraft } from "../../kernel/event-draft.ts";
import type { Revised } from "../revised.ts";
import { databaseNow } from "./clock.ts";
import { eventStatements } from "./collections/events.ts";
import { channel } from "./commit-notifier.ts";
import type { Fragment, Sql, Tx } from "./connection.ts";
import type { HeadOfGroup } from "./head-of-group.ts";
import { instanceOf } from "./log-epoch.ts";

/**
 * Appends to the end of the log, which a group's transaction locks until its commit. A sequence would not work: its values
 * are assigned at insert and visible at commit, so a reader that asks for `id > cursor` would miss a number that is
 * committed late. With the lock of the head row, the transaction that has the next number is the next to commit.
 */
export class EventAppender {
	readonly #drafts: StoredEvent[] = [];
	#kept = 0;

	/** `first`: the number before the group's first event; 0 if the statement adds it when it writes. */
	constructor(private readonly first: number) {}

	/** Locks the head, then reads the clock: another writer may have held the lock for long. */
	static async take(tx: Tx): Promise<TakenHead> {
		const [[head], [clock]] = await Promise.all([
			tx<{ rev: number }[]>`SELECT rev FROM log_head WHERE one = 1 FOR UPDATE`,
			tx<{ now: number; instance: number }[]>`
				SELECT ${databaseNow(tx)} AS now, ${instanceOf(tx)} AS instance`,
		]);
		if (head === undefined || clock === undefined) throw new Error("the log has no head");
		return { log: new EventAppender(head.rev), ...clock };
	}

	get isEmpty(): boolean {
		return this.#drafts.length === 0;
	}

	get rev(): number {
		return this.first + this.#drafts.length;
	}

	append(event: EventDraft): number {
		const id = this.rev + 1;
		this.#drafts.push(numbered(id, event));
		return id;
	}

	keep(): void {
		this.#kept = this.#drafts.length;
	}

	undo(): void {
		this.#drafts.length = this.#kept;
	}

	write(tx: Tx, revised: readonly Revised[]): readonly PromiseLike<unknown>[] {
		if (this.isEmpty) return [];
		const { rev } = this;
		return [
			tx`UPDATE log_head SET rev = ${rev} WHERE one = 1`,
			...(revised.length > 0 ? [revise(tx, revised, { base: tx`${rev}::bigint`, from: tx`` })] : []),
			// Only a wake-up, sent with the commit; the log is polled as well, in case it is lost.
			tx`SELECT pg_notify(${channel}, '')`,
			eventStatements.insert(tx, this.#drafts),
		];
	}

	/**
	 * Locks the head, appends, and runs `inserts`: all in one statement, which is a transaction and a round trip by itself.
	 * Returns false, and does nothing, on a server that has not been checked for a new epoch, and where the defaults are
	 * others: with another isolation two writers would fail, where one should wait for the other, and with another
	 * `array_nulls` what is null would be stored as a text.
	 */
	async writeAlone(
		sql: Sql,
		checkedInstance: number,
		revised: readonly Revised[],
		inserts: (head: HeadOfGroup) => readonly Fragment[],
	): Promise<boolean> {
		const count = this.#drafts.length;
		const head = { base: sql`head.base`, from: sql`head,` };
		const steps = [
			eventStatements.insert(sql, this.#drafts, head),
			...(revised.length > 0 ? [revise(sql, revised, { ...head, base: sql`head.base + ${count}` })] : []),
			...inserts(head),
		];
		const done = await sql`
			WITH head AS (
				UPDATE log_head SET rev = rev + ${count}
				WHERE one = 1 AND ${instanceOf(sql)} = ${checkedInstance}::bigint
					AND current_setting('transaction_isolation') = 'read committed' AND current_setting('array_nulls') = 'on'
				RETURNING rev - ${count} AS base)
			${steps.map((step, index) => sql`, ${sql(`step_${index}`)} AS (${step})`)}
			SELECT pg_notify(${channel}, '') FROM head`;
		return done.length > 0;
	}
}

/** The locked head, the clock and the server. */
interface TakenHead {
	readonly log: EventAppender;
	/** The database's clock, in milliseconds. */
	readonly now: number;
	/** The server, as `instanceOf` names it. */
	readonly instance: number;
}

function revise(sql: Sql | Tx, revised: readonly Revised[], { base, from }: HeadOfGroup) {
	const spaces = revised.map(({ space }) => space);
	const collections = revised.map(({ collection }) => collection);
	return sql`INSERT INTO revisions (space, collection, rev)
		SELECT space, collection, ${base} FROM ${from}
			unnest(${spaces}::integer[], ${collections}::text[]) AS revised (space, collection)
		ON CONFLICT (space, collection) DO UPDATE SET rev = excluded.rev`;
}
