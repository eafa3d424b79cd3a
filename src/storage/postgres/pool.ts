import type { Log } from "../../kernel/log.ts";
import { TimeoutError, withTimeout } from "../../kernel/timeout.ts";
import type { Sql, Tx } from "./connection.ts";
import { answerWithinMs, sqlState, toAppError } from "./errors.ts";

/** How long the connections of a pool last at least, so that a server that stays read-only costs few new ones. */
const renewMsMin = 1000;
const endSeconds = 5;

/** What transactions rely on. */
const settings = {
	statement_timeout: String(answerWithinMs),
	lock_timeout: String(answerWithinMs),
	idle_in_transaction_session_timeout: String(answerWithinMs),
	// As many as it takes to read the same number again.
	extra_float_digits: "3",
	// NULL in an array is null.
	array_nulls: "on",
};

/**
 * The statements of a transaction have one plan each: Postgres would plan those with an array anew each time, which costs
 * more than they do. A plan may be made while a table is empty, so none reads a table whole.
 */
const plannedOnce = {
	plan_cache_mode: "force_generic_plan",
	enable_seqscan: "off",
	jit: "off",
};

const byIndexAlone = {
	enable_seqscan: "off",
	enable_bitmapscan: "off",
	jit: "off",
	max_parallel_workers_per_gather: "0",
};

/** In the same flight as the first statement of a transaction. A failure fails the transaction. */
function configure(tx: Tx, wanted: Readonly<Record<string, string>>): void {
	tx`SELECT set_config(name, setting, true) FROM unnest(
		${Object.keys(wanted)}::text[], ${Object.values(wanted)}::text[]) AS wanted (name, setting)`.execute();
}

interface Connections {
	readonly sql: Sql;
	/** Calls that use them. */
	running: number;
}

/**
 * The connections of a process. Everything that queries runs through it, with a time limit, and again where Postgres
 * refused a statement without doing anything. A server that only reads (a standby, or a database that an operator made
 * read-only) may be writable to new sessions alone: all connections are replaced after such an answer.
 */
export class Pool {
	/** Always uses the connections of the moment, so it may be kept. */
	readonly sql: Sql;
	#current: Connections;
	#renewedAt = Number.NEGATIVE_INFINITY;
	#isReadOnly = false;
	#isCrowded = false;
	readonly #closing = new Set<Promise<void>>();

	/** `open`: makes a client, which connects when it is first used. */
	constructor(
		private readonly open: () => Sql,
		private readonly log: Log,
	) {
		this.#current = { sql: open(), running: 0 };
		this.sql = new Proxy(this.#current.sql, {
			apply: (_, __, statement) => Reflect.apply(this.#current.sql, undefined, statement),
			get: (_, name) => Reflect.get(this.#current.sql, name),
		});
	}

	/** As `run`; throws `unavailable` for what the database, and not the request, is the cause of. */
	async query<T>(work: () => PromiseLike<T>): Promise<T> {
		try {
			return await this.run(work);
		} catch (error) {
			throw toAppError(error);
		}
	}

	/**
	 * Runs a statement or a transaction, within 10 s unless said otherwise. Repeats it while the server has no connection
	 * left, after a serialization failure or a deadlock, and once on new connections if the old ones only read: in each case
	 * nothing was done. Throws what Postgres answers, or a `TimeoutError`.
	 */
	async run<T>(work: () => PromiseLike<T>, withinMs = answerWithinMs): Promise<T> {
		const deadline = performance.now() + withinMs;
		let refusal: unknown;
		for (;;) {
			if (this.#isReadOnly) this.#renew();
			try {
				return await this.#runOnce(work, deadline - performance.now());
			} catch (error) {
				// The last attempt may have had no time left: what the server answered before says more.
				if (error instanceof TimeoutError) throw refusal ?? error;
				const pauseMs = this.#retryAfterMs(error);
				if (pauseMs === undefined || performance.now() + pauseMs > deadline) throw error;
				refusal = error;
				await Bun.sleep(pauseMs);
			}
		}
	}

	/**
	 * A transaction with the isolation, the time limits and the digits of numbers that the program relies on, whatever the
	 * defaults of the role and the database are. They are set for the transaction alone, which every pooler allows.
	 */
	begin<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
		return this.sql.begin("isolation level read committed", (tx) => {
			configure(tx, { ...settings, ...plannedOnce });
			return work(tx);
		}) as Promise<T>;
	}

	/**
	 * Statements of one snapshot, which change nothing. They read rows by an index, as many as they say: a plan that reads a
	 * table whole, or compiles code for it, would be chosen for the whole and not for the first rows that are wanted.
	 */
	snapshot<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
		return this.sql.begin("isolation level repeatable read read only", (tx) => {
			configure(tx, { ...settings, ...byIndexAlone });
			return work(tx);
		}) as Promise<T>;
	}

	/** Closes all connections; what runs on them may end within `seconds`. */
	async end(seconds = endSeconds): Promise<void> {
		this.#close(this.#current, seconds);
		await Promise.all(this.#closing);
	}

	async #runOnce<T>(work: () => PromiseLike<T>, withinMs: number): Promise<T> {
		const used = this.#current;
		used.running++;
		let running: PromiseLike<T> | undefined;
		try {
			running = work();
			return await withTimeout(withinMs, Promise.resolve(running));
		} catch (error) {
			if (error instanceof TimeoutError && running !== undefined) cancel(running);
			throw error;
		} finally {
			used.running--;
			if (used !== this.#current && used.running === 0) this.#close(used);
		}
	}

	/** How long to wait before the next attempt; undefined if there is none. */
	#retryAfterMs(error: unknown): number | undefined {
		switch (sqlState(error)) {
			case "53300":
				this.#reportCrowded();
				return 50 + 50 * Math.random();
			case "40001":
			case "40P01":
				return 20 * Math.random();
			case "25006":
				this.#isReadOnly = true;
				return this.#renew() ? 0 : undefined;
			default:
				return undefined;
		}
	}

	/** Replaces all connections; the old ones are closed once nothing runs on them. Not twice within a second. */
	#renew(): boolean {
		const now = performance.now();
		if (now - this.#renewedAt < renewMsMin) return false;
		this.#renewedAt = now;
		this.#isReadOnly = false;
		const retired = this.#current;
		this.#current = { sql: this.open(), running: 0 };
		if (retired.running === 0) this.#close(retired);
		return true;
	}

	#close({ sql }: Connections, timeout = endSeconds): void {
		const closing = sql.end({ timeout }).finally(() => this.#closing.delete(closing));
		this.#closing.add(closing);
	}

	#reportCrowded(): void {
		if (this.#isCrowded) return;
		this.#isCrowded = true;
		this.log.warn(
			"Postgres takes no more connections: requests wait for a free one. Lower DATABASE_POOL, or raise the limit of the role or the server.",
		);
	}
}

/** Stops a statement that nobody waits for any more. A transaction has a time limit of its own. */
function cancel(statement: object): void {
	if ("cancel" in statement && typeof statement.cancel === "function") statement.cancel();
}
