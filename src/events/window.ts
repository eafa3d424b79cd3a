import { eventFrame } from "./cloud-event.ts";
import type { EventFilter } from "./filter.ts";
import type { EventPage, EventType } from "./store.ts";

/** What a client is sent next, and where it then is. */
export interface Piece {
	/** Whole frames, or nothing where the filter admits none. */
	readonly bytes: Uint8Array | undefined;
	/** The number of the last of these; 0 where there are none. */
	readonly lastId: number;
	/** Everything up to this number has been looked at. */
	readonly cursor: number;
}

/** Frames go out in pieces of about this size; an event larger than that is a piece by itself. */
export const pieceBytesMax = 64 * 1024;

interface Framed {
	readonly id: number;
	readonly type: EventType;
	readonly bytes: Uint8Array;
}

/** The newest events, in order and without a gap, each serialised once. Bounded in number and bytes. */
export class EventWindow {
	#events: Framed[] = [];
	#bytes = 0;
	#floor = 0;
	#end = 0;
	/** Pieces made since the last event: clients side by side share them. */
	readonly #pieces = new Map<string, Piece>();

	constructor(
		private readonly eventsMax = 10_000,
		private readonly bytesMax = 16 * 1024 * 1024,
	) {}

	/** Everything up to this number has been seen. */
	get end(): number {
		return this.#end;
	}

	/** Whether a client that has everything up to `cursor` can go on from here. */
	reaches(cursor: number): boolean {
		return cursor >= this.#floor;
	}

	/** Begins anew, empty, at a number. */
	reset(rev: number): void {
		this.#events = [];
		this.#bytes = 0;
		this.#floor = this.#end = rev;
		this.#pieces.clear();
	}

	append({ rows, examined }: EventPage): void {
		this.#pieces.clear();
		for (const row of rows) {
			const framed = { id: row.id, type: row.type, bytes: Buffer.from(eventFrame(row), "utf8") };
			this.#events.push(framed);
			this.#bytes += framed.bytes.byteLength;
		}
		this.#end = Math.max(this.#end, examined);
		this.#trim();
	}

	/** What comes after `cursor`, which the window must reach. */
	take(cursor: number, filter: EventFilter): Piece {
		const key = `${cursor} ${filter.mask}`;
		const shared = this.#pieces.get(key);
		if (shared !== undefined) return shared;
		const piece = this.#make(cursor, filter);
		if (this.#pieces.size < sharedMax) this.#pieces.set(key, piece);
		return piece;
	}

	#make(cursor: number, filter: EventFilter): Piece {
		const frames: Uint8Array[] = [];
		let length = 0;
		let lastId = 0;
		for (let index = this.#indexAfter(cursor); index < this.#events.length; index++) {
			const event = this.#events[index];
			if (event === undefined || !filter.admits(event.type)) continue;
			if (length > 0 && length + event.bytes.byteLength > pieceBytesMax) {
				return { bytes: joined(frames, length), lastId, cursor: event.id - 1 };
			}
			frames.push(event.bytes);
			length += event.bytes.byteLength;
			lastId = event.id;
		}
		return { bytes: joined(frames, length), lastId, cursor: Math.max(cursor, this.#end) };
	}

	#indexAfter(cursor: number): number {
		let low = 0;
		let high = this.#events.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#events[middle]?.id ?? 0) > cursor) high = middle;
			else low = middle + 1;
		}
		return low;
	}

	#trim(): void {
		let count = 0;
		for (const { id, bytes } of this.#events) {
			if (this.#events.length - count <= this.eventsMax && this.#bytes <= this.bytesMax) break;
			this.#bytes -= bytes.byteLength;
			this.#floor = id;
			count++;
		}
		if (count > 0) this.#events = this.#events.slice(count);
	}
}

/** Different pieces of one moment that are kept for sharing: 4 MiB at most. */
const sharedMax = 64;

function joined(frames: readonly Uint8Array[], length: number): Uint8Array | undefined {
	return frames.length > 1 ? Buffer.concat(frames, length) : frames[0];
}
