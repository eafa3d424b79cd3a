import type { WatchedAccess } from "./access.ts";
import type { Broadcaster, Next } from "./broadcaster.ts";
import { bookmarkFrame, goneFrame, keepaliveFrame, openingFrame, unauthorizedFrame } from "./cloud-event.ts";
import type { EventFilter } from "./filter.ts";
import type { Chunk } from "./tail-buffer.ts";

export interface StreamStart {
	/** The last number that the client has. */
	readonly cursor: number;
	/** Whether the client sent it. */
	readonly isResumed: boolean;
	/** The newest number in the log. */
	readonly rev: number;
	readonly filter: EventFilter;
	readonly signal: AbortSignal;
	/** Begins to watch the access that the stream ends with. Absent: it ends with none. */
	readonly watch?: (() => WatchedAccess) | undefined;
}

/** Every this many keep-alives a bookmark is sent, if the cursor has moved. */
const bookmarkEvery = 4;

/** How long after a failed read the next one is tried. */
const retryMs = 1000;

/**
 * One client's stream: a cursor in the log. The next chunk is pulled only after the client has received the one before,
 * so a client that stops reading costs this object and one chunk. Throws `unavailable` when the broadcaster is full.
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
				else if (!reader.isCancelled) controller.close();
			},
			cancel: () => reader.cancel(),
		},
		{ highWaterMark: 0 },
	);
}

class Reader {
	#cursor: number;
	/** The last number that was sent to the client. */
	#sentId: number;
	#ticks: number;
	#keepalives = 0;
	#isCancelled = false;
	#hasLeft = false;
	readonly #filter: EventFilter;
	readonly #access: WatchedAccess | undefined;

	constructor(
		private readonly broadcaster: Broadcaster,
		{ cursor, rev, filter, signal, watch }: StreamStart,
	) {
		this.#cursor = this.#sentId = cursor;
		this.#filter = filter;
		this.#ticks = broadcaster.ticks;
		broadcaster.enter(rev);
		this.#access = watch?.();
		if (signal.aborted) this.cancel();
		else signal.addEventListener("abort", () => this.cancel(), { once: true });
	}

	/** The client has disconnected. */
	get isCancelled(): boolean {
		return this.#isCancelled;
	}

	cancel(): void {
		this.#isCancelled = true;
		this.#leave();
	}

	/** Resolves with the next bytes to send, as soon as there are some; undefined at the end. */
	async next(): Promise<Uint8Array | undefined> {
		while (!this.#hasLeft) {
			const wakeUp = this.broadcaster.signal.next;
			const before = this.#cursor;
			const next = await this.#take();
			if (next === "end") break;
			if (next === "gone") return this.#endWith(goneFrame);
			if (next === "unauthorized") return this.#endWith(unauthorizedFrame);
			if (next.bytes !== undefined && this.#access?.isUnconfirmed) {
				if (this.broadcaster.isOver) break;
				await wakeUp;
				continue;
			}
			const bytes = this.#advance(next);
			if (bytes !== undefined) return bytes;
			if (next.cursor > before) continue;
			if (this.broadcaster.isOver) break;
			await wakeUp;
		}
		this.#leave();
		return undefined;
	}

	async #take(): Promise<Next | "unauthorized"> {
		while (!this.#isCancelled) {
			try {
				const next = await this.broadcaster.take(this.#cursor, this.#filter);
				// Asked after the read: what came while the access ended is not sent.
				return this.#access?.isEnded ? "unauthorized" : next;
			} catch {
				if (this.#access?.isEnded) return "unauthorized";
				// The broadcaster has logged it. The stream stays open and tries again.
				await Bun.sleep(retryMs);
			}
		}
		return "end";
	}

	/** The last bytes of the stream. */
	#endWith(frame: string): Uint8Array {
		this.#leave();
		return utf8(frame);
	}

	#advance({ bytes, lastId, cursor }: Chunk): Uint8Array | undefined {
		this.#cursor = cursor;
		if (bytes !== undefined) this.#sentId = lastId;
		if (this.broadcaster.ticks === this.#ticks) return bytes;
		this.#ticks = this.broadcaster.ticks;
		const keepalive = utf8(this.#keepalive());
		return bytes === undefined ? keepalive : Buffer.concat([bytes, keepalive]);
	}

	#keepalive(): string {
		this.#keepalives++;
		if (this.#keepalives % bookmarkEvery !== 0 || this.#sentId === this.#cursor) return keepaliveFrame;
		this.#sentId = this.#cursor;
		return keepaliveFrame + bookmarkFrame(this.#cursor);
	}

	#leave(): void {
		if (this.#hasLeft) return;
		this.#hasLeft = true;
		this.#access?.release();
		this.broadcaster.leave();
	}
}

function utf8(text: string): Uint8Array {
	return Buffer.from(text, "utf8");
}
