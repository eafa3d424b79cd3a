import { AppError } from "../errors.ts";
import { type Log, loggable } from "../log.ts";
import { withTimeout } from "../timeout.ts";
import { eventFrame } from "./cloud-event.ts";
import type { EventFilter } from "./filter.ts";
import { Signal } from "./signal.ts";
import { type EventPage, type EventStore, eventTypes } from "./store.ts";
import { type Chunk, chunkBytesMax, TailBuffer } from "./tail-buffer.ts";

export interface BroadcasterDeps {
	readonly events: EventStore;
	readonly log: Log;
	readonly keepaliveMs: number;
	readonly streamsMax: number;
}

/** One read of the log: what bounds its memory. */
const followMax = { limit: 1000, bytesMax: 1024 * 1024 };
const pageMax = { limit: 500, bytesMax: chunkBytesMax };
/** Reads for clients that are behind the window, at one time. */
const pagesAtOnceMax = 4;
const retryMs = 1000;
/** How long stopping waits for clients to take what they are being sent. */
const closeMsMax = 2000;

/**
 * The one reader of the log in this process. It follows the log while anybody listens, keeps a window of the newest
 * events and wakes the clients; these pull at their own pace, from the window or, behind it, from the table.
 */
export class Broadcaster {
	/** Rings for each batch of events, for each tick, and for the end. */
	readonly signal = new Signal();
	readonly #buffer = new TailBuffer();
	/** Rings when the log may have grown, or nobody listens any more. */
	readonly #changed = new Signal();
	readonly #pages = new Map<string, Promise<Chunk | undefined>>();
	readonly #waiting: (() => void)[] = [];
	#pagesUnderWay = 0;
	#streams = 0;
	#ticks = 0;
	#following: Promise<void> | undefined;
	#isFailing = false;
	#isStopping = false;
	#isOver = false;
	readonly #emptied = Promise.withResolvers<void>();

	constructor(private readonly deps: BroadcasterDeps) {}

	/** Keep-alives due so far. */
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

	/** Counts a stream in; `rev` is the log's end, just read. Refuses with `unavailable` beyond the bound. */
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
	 * What comes after `cursor`, at once from the window or in a while from the table. Undefined where the log does not
	 * reach back so far any more, or the server is stopping. Rejects with `unavailable` if the database does not answer.
	 */
	take(cursor: number, filter: EventFilter): Chunk | undefined | Promise<Chunk | undefined> {
		if (this.#buffer.reaches(cursor)) return this.#buffer.take(cursor, filter);
		return this.#isOver ? undefined : this.#page(cursor, filter);
	}

	/** Sends what is committed, then ends every stream after a whole event; who does not read is not waited for. Idempotent. */
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
		const forget = this.deps.events.onChange(() => this.#changed.notify());
		const ticking = setInterval(() => {
			this.#ticks++;
			this.signal.notify();
		}, this.deps.keepaliveMs);
		for (;;) {
			const change = this.#changed.next;
			// What was committed before the stop is in a read that begins after it.
			const isLast = this.#isStopping;
			if (await this.#readNew()) {
				// Clients take what there is before more comes, or they would fall behind the window at once.
				await turn();
				continue;
			}
			// No `await` from here to the end: a stream that enters finds either a reader that goes on or none.
			if (isLast || this.#streams === 0) break;
			await change;
		}
		clearInterval(ticking);
		forget();
		this.#following = undefined;
	}

	/** One read of the log; whether there is more to be read at once. */
	async #readNew(): Promise<boolean> {
		const { end } = this.#buffer;
		try {
			const page = await this.deps.events.read({ after: end, types: eventTypes, ...followMax });
			this.#isFailing = false;
			if (page.examined === end) return false;
			this.#buffer.append(page);
			this.signal.notify();
			return page.examined < page.rev;
		} catch (error) {
			if (!this.#isFailing)
				this.deps.log.warn({ err: loggable(error) }, "The event log cannot be read; trying on.");
			this.#isFailing = true;
			if (!this.#isStopping) await Bun.sleep(retryMs);
			return !this.#isStopping && this.#streams > 0;
		}
	}

	/** Clients that come back together ask for the same page: one query serves them. */
	#page(cursor: number, filter: EventFilter): Promise<Chunk | undefined> {
		const key = `${cursor} ${filter.mask}`;
		const underWay = this.#pages.get(key);
		if (underWay !== undefined) return underWay;
		const page = this.#readPage(cursor, filter).finally(() => this.#pages.delete(key));
		this.#pages.set(key, page);
		return page;
	}

	async #readPage(cursor: number, filter: EventFilter): Promise<Chunk | undefined> {
		await this.#place();
		try {
			// SQLite answers in the same turn of the event loop: others get theirs between one page and the next.
			await turn();
			const { types } = filter;
			const page = await this.deps.events.read({ after: cursor, types, ...pageMax });
			return page.purgedRev > cursor ? undefined : chunkOf(page);
		} finally {
			this.#pagesUnderWay--;
			this.#waiting.shift()?.();
		}
	}

	/** Waits for a place among the pages that are read at once. */
	async #place(): Promise<void> {
		while (this.#pagesUnderWay >= pagesAtOnceMax) {
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
		}
		this.#pagesUnderWay++;
	}
}

/** The next turn of the event loop. */
function turn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

function chunkOf({ rows, examined }: EventPage): Chunk {
	const bytes = rows.length > 0 ? Buffer.from(rows.map(eventFrame).join(""), "utf8") : undefined;
	return { bytes, lastId: rows.at(-1)?.id ?? 0, cursor: examined };
}

function tooMany(): AppError {
	return new AppError("unavailable", "There are as many open streams as this server takes.", {
		retryAfterSeconds: 5,
	});
}
