import { AppError } from "../kernel/errors.ts";
import { eventTypes } from "../kernel/event-draft.ts";
import type { Log } from "../kernel/log.ts";
import { nextTurn } from "../kernel/next-turn.ts";
import { withTimeout } from "../kernel/timeout.ts";
import type { EventFilter } from "./filter.ts";
import { PageReader } from "./page-reader.ts";
import { Signal } from "./signal.ts";
import type { EventPage, EventStore } from "./store.ts";
import { type Chunk, TailBuffer } from "./tail-buffer.ts";

export interface BroadcasterDeps {
	readonly events: EventStore;
	readonly log: Log;
	readonly keepaliveMs: number;
	readonly streamsMax: number;
}

/** What a stream sends next; `gone` if the log no longer has the events after its cursor, `end` when the server stops. */
export type Next = Chunk | "gone" | "end";

/** Bounds the memory of one read of the log. */
const readMax = { limit: 1000, bytesMax: 1024 * 1024 };
const retryMs = 1000;
/** How long `stop` waits for clients to receive what is being sent. */
const closeMsMax = 2000;

/**
 * The one reader of the log in this process. It follows the log while any stream is open, buffers the newest events and
 * wakes the streams. Each stream pulls at its own pace, from the buffer or, if it is behind the buffer, from the table.
 */
export class Broadcaster {
	/** Notified of each batch of events, of each tick, and of the end. */
	readonly signal = new Signal();
	readonly #buffer = new TailBuffer();
	readonly #pages: PageReader;
	/** Notified when the log may have grown, when the last stream has closed, and of the stop. */
	readonly #changed = new Signal();
	/** The log's `purgedRev` when it was last read. It only rises. */
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

	/** How many keep-alives have been due so far. */
	get ticks(): number {
		return this.#ticks;
	}

	/** How many streams are open. */
	get streams(): number {
		return this.#streams;
	}

	/** No more events will follow: streams end. */
	get isOver(): boolean {
		return this.#isOver;
	}

	/** Registers a stream; `rev` is the log's end, just read. Throws `unavailable` beyond the bound. */
	enter(rev: number): void {
		if (this.#isStopping || this.#streams >= this.deps.streamsMax) throw tooMany();
		this.#streams++;
		if (this.#following !== undefined) return;
		this.#buffer.reset(rev);
		this.#following = this.#follow();
	}

	/** Unregisters a stream. */
	leave(): void {
		this.#streams--;
		if (this.#streams > 0) return;
		this.#changed.notify();
		if (this.#isOver) this.#emptied.resolve();
	}

	/**
	 * What follows `cursor`: at once from the buffer, or later from the table. Rejects with `unavailable` if the
	 * database does not answer.
	 */
	take(cursor: number, filter: EventFilter): Next | Promise<Next> {
		if (this.#buffer.reaches(cursor)) return this.#buffer.take(cursor, filter);
		if (this.#isOver) return "end";
		return cursor < this.#purgedRev ? "gone" : this.#pages.read(cursor, filter);
	}

	/**
	 * Sends what is committed, then ends every stream after a whole event. Waits for clients that read, but only briefly
	 * for those that do not. Idempotent.
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
			// A read that begins after the stop has everything that was committed before it.
			const isLast = this.#isStopping;
			if (await this.#readNew()) {
				// Let clients take what is buffered before more is read, or they would fall behind the buffer at once.
				await nextTurn();
				continue;
			}
			// No `await` from here to the end: a new stream finds either a running reader or none.
			if (isLast || this.#streams === 0) break;
			await change;
		}
		clearInterval(ticking);
		unsubscribe();
		this.#following = undefined;
	}

	/** Reads the log once; returns whether there is more to read at once. */
	async #readNew(): Promise<boolean> {
		const { end } = this.#buffer;
		try {
			const page = await this.deps.events.read({ space: "every", after: end, types: eventTypes, ...readMax });
			this.#isFailing = false;
			if (page.examined === end) return false;
			this.#append(page);
			this.signal.notify();
			return page.examined < page.rev;
		} catch (error) {
			if (!this.#isFailing) this.deps.log.warn({ err: error }, "The event log cannot be read; trying again.");
			this.#isFailing = true;
			if (!this.#isStopping) await Bun.sleep(retryMs);
			return !this.#isStopping && this.#streams > 0;
		}
	}

	#append(page: EventPage): void {
		this.#purgedRev = page.purgedRev;
		// Events that were not read here are gone, by retention or with the last epoch: no cursor before them is valid.
		if (page.purgedRev > this.#buffer.end) this.#buffer.reset(page.purgedRev);
		this.#buffer.append(page);
	}
}

function tooMany(): AppError {
	return new AppError("unavailable", "There are as many open streams as this server takes.", {
		retryAfterSeconds: 5,
	});
}
