import { AppError } from "../errors.ts";
import { eventTypes } from "../event-draft.ts";
import { type Log, loggable } from "../log.ts";
import { withTimeout } from "../timeout.ts";
import type { EventFilter } from "./filter.ts";
import { nextTurn, PageReader } from "./page-reader.ts";
import { Signal } from "./signal.ts";
import type { EventPage, EventStore } from "./store.ts";
import { type Chunk, TailBuffer } from "./tail-buffer.ts";

export interface BroadcasterDeps {
	readonly events: EventStore;
	readonly log: Log;
	readonly keepaliveMs: number;
	readonly streamsMax: number;
}

/** What a stream sends next; `gone` where the log does not reach back to its cursor, `end` when the server stops. */
export type Next = Chunk | "gone" | "end";

/** One read of the log: what bounds its memory. */
const readMax = { limit: 1000, bytesMax: 1024 * 1024 };
const retryMs = 1000;
/** How long stopping waits for clients to take what they are being sent. */
const closeMsMax = 2000;

/**
 * The one reader of the log in this process. It follows the log while any stream is open, buffers the newest events and
 * wakes the streams; these pull at their own pace, from the buffer or, when they are behind it, from the table.
 */
export class Broadcaster {
	/** Notifies of each batch of events, of each tick, and of the end. */
	readonly signal = new Signal();
	readonly #buffer = new TailBuffer();
	readonly #pages: PageReader;
	/** Notifies when the log may have grown, when the last stream has left, and of the stop. */
	readonly #changed = new Signal();
	/** What was purged when the log was last read. It only rises. */
	#purgedRev = 0;
	#streams = 0;
	#ticks = 0;
	#following: Promise<void> | undefined;
	#isFailing = false;
	#isStopping = false;
	#isOver = false;
	readonly #emptied = Promise.withResolvers<void>();

	constructor(private readonly deps: BroadcasterDeps) {
		this.#pages = new PageReader(deps.events);
	}

	/** Keep-alives that were due so far. */
	get ticks(): number {
		return this.#ticks;
	}

	/** Streams that are open. */
	get streams(): number {
		return this.#streams;
	}

	/** No event will follow: streams end. */
	get isOver(): boolean {
		return this.#isOver;
	}

	/** Counts a stream in; `rev` is the log's end, just read. Throws `unavailable` beyond the bound. */
	enter(rev: number): void {
		if (this.#isStopping || this.#streams >= this.deps.streamsMax) throw tooMany();
		this.#streams++;
		if (this.#following !== undefined) return;
		this.#buffer.reset(rev);
		this.#following = this.#follow();
	}

	/** Counts a stream out. */
	leave(): void {
		this.#streams--;
		if (this.#streams > 0) return;
		this.#changed.notify();
		if (this.#isOver) this.#emptied.resolve();
	}

	/**
	 * What comes after `cursor`: at once from the buffer, or later from the table. Rejects with `unavailable` if the
	 * database does not answer.
	 */
	take(cursor: number, filter: EventFilter): Next | Promise<Next> {
		if (this.#buffer.reaches(cursor)) return this.#buffer.take(cursor, filter);
		if (this.#isOver) return "end";
		return cursor < this.#purgedRev ? "gone" : this.#pages.read(cursor, filter);
	}

	/**
	 * Sends what is committed, then ends every stream after a whole event. Waits for clients that read, but not long for
	 * those that do not. Idempotent.
	 */
	async stop(): Promise<void> {
		this.#isStopping = true;
		this.#changed.notify();
		await this.#following;
		this.#isOver = true;
		this.signal.notify();
		if (this.#streams === 0) return;
		await withTimeout(closeMsMax, this.#emptied.promise).catch(() => {
			this.deps.log.warn({ streams: this.#streams }, "Clients did not take the end of their streams.");
		});
	}

	async #follow(): Promise<void> {
		const unsubscribe = this.deps.events.onChange(() => this.#changed.notify());
		const ticking = setInterval(() => {
			this.#ticks++;
			this.signal.notify();
		}, this.deps.keepaliveMs);
		for (;;) {
			const change = this.#changed.next;
			// What was committed before the stop is in a read that begins after it.
			const isLast = this.#isStopping;
			if (await this.#readNew()) {
				// Clients take what there is before more comes, or they would fall behind the buffer at once.
				await nextTurn();
				continue;
			}
			// No `await` from here to the end: a stream that enters finds either a reader that goes on or none.
			if (isLast || this.#streams === 0) break;
			await change;
		}
		clearInterval(ticking);
		unsubscribe();
		this.#following = undefined;
	}

	/** One read of the log; whether there is more to be read at once. */
	async #readNew(): Promise<boolean> {
		const { end } = this.#buffer;
		try {
			const page = await this.deps.events.read({ after: end, types: eventTypes, ...readMax });
			this.#isFailing = false;
			if (page.examined === end) return false;
			this.#append(page);
			this.signal.notify();
			return page.examined < page.rev;
		} catch (error) {
			if (!this.#isFailing)
				this.deps.log.warn({ err: loggable(error) }, "The event log cannot be read; trying again.");
			this.#isFailing = true;
			if (!this.#isStopping) await Bun.sleep(retryMs);
			return !this.#isStopping && this.#streams > 0;
		}
	}

	#append(page: EventPage): void {
		this.#purgedRev = page.purgedRev;
		// Events that nobody here has seen are gone, by retention or with the last epoch: no cursor before them is good.
		if (page.purgedRev > this.#buffer.end) this.#buffer.reset(page.purgedRev);
		this.#buffer.append(page);
	}
}

function tooMany(): AppError {
	return new AppError("unavailable", "There are as many open streams as this server takes.", {
		retryAfterSeconds: 5,
	});
}
