import type { Broadcaster } from "./broadcaster.ts";
import { bookmarkFrame, keepaliveFrame, openingFrame } from "./cloud-event.ts";
import type { EventFilter } from "./filter.ts";
import type { Chunk } from "./tail-buffer.ts";

export interface StreamStart {
	/** The last number that the client has. */
	readonly cursor: number;
	/** Whether it said so itself. */
	readonly isResumed: boolean;
	/** The newest number in the log. */
	readonly rev: number;
	readonly filter: EventFilter;
	readonly signal: AbortSignal;
}

/** After this many keep-alives a bookmark goes along, if there is something to mark. */
const bookmarkEvery = 4;

/** A read that the database refused is tried again after this. */
const retryMs = 1000;

/**
 * One client's stream: a place in the log. It is pulled, which happens only after the client has taken what it was
 * sent before, so a client that stops reading costs this object and one chunk. Refuses with `unavailable` when the
 * broadcaster is full.
 */
export function eventStream(broadcaster: Broadcaster, start: StreamStart): ReadableStream<Uint8Array> {
	const reader = new Reader(broadcaster, start);
	return new ReadableStream<Uint8Array>(
		{
			start(controller) {
				controller.enqueue(utf8(openingFrame(start.isResumed ? undefined : start.cursor)));
			},
			async pull(controller) {
				const bytes = await reader.next();
				if (bytes !== undefined) controller.enqueue(bytes);
				else if (!reader.isGone) controller.close();
			},
			cancel: () => reader.abandon(),
		},
		{ highWaterMark: 0 },
	);
}

class Reader {
	#cursor: number;
	/** The last number that the client has been told. */
	#told: number;
	#ticks: number;
	#keepalives = 0;
	#isGone = false;
	#hasLeft = false;
	readonly #filter: EventFilter;

	constructor(
		private readonly broadcaster: Broadcaster,
		{ cursor, rev, filter, signal }: StreamStart,
	) {
		this.#cursor = this.#told = cursor;
		this.#filter = filter;
		this.#ticks = broadcaster.ticks;
		broadcaster.enter(rev);
		if (signal.aborted) this.abandon();
		else signal.addEventListener("abort", () => this.abandon(), { once: true });
	}

	/** The client went away. */
	get isGone(): boolean {
		return this.#isGone;
	}

	abandon(): void {
		this.#isGone = true;
		this.#leave();
	}

	/** The next bytes to send, as soon as there are some; undefined at the end. */
	async next(): Promise<Uint8Array | undefined> {
		while (!this.#isGone) {
			const ring = this.broadcaster.signal.next;
			const before = this.#cursor;
			const chunk = await this.#take();
			if (chunk === undefined) break;
			const bytes = this.#advance(chunk);
			if (bytes !== undefined) return bytes;
			if (chunk.cursor > before) continue;
			if (this.broadcaster.isOver) break;
			await ring;
		}
		this.#leave();
		return undefined;
	}

	async #take(): Promise<Chunk | undefined> {
		while (!this.#isGone) {
			try {
				return await this.broadcaster.take(this.#cursor, this.#filter);
			} catch {
				// The broadcaster has logged it. The client keeps its place and waits.
				await Bun.sleep(retryMs);
			}
		}
		return undefined;
	}

	#advance({ bytes, lastId, cursor }: Chunk): Uint8Array | undefined {
		this.#cursor = cursor;
		if (bytes !== undefined) this.#told = lastId;
		if (this.broadcaster.ticks === this.#ticks) return bytes;
		this.#ticks = this.broadcaster.ticks;
		const sign = utf8(this.#signOfLife());
		return bytes === undefined ? sign : Buffer.concat([bytes, sign]);
	}

	#signOfLife(): string {
		this.#keepalives++;
		if (this.#keepalives % bookmarkEvery !== 0 || this.#told === this.#cursor) return keepaliveFrame;
		this.#told = this.#cursor;
		return keepaliveFrame + bookmarkFrame(this.#cursor);
	}

	#leave(): void {
		if (this.#hasLeft) return;
		this.#hasLeft = true;
		this.broadcaster.leave();
	}
}

function utf8(text: string): Uint8Array {
	return Buffer.from(text, "utf8");
}
