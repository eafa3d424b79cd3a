import type { EventType } from "../kernel/event-draft.ts";
import type { InSpace } from "../kernel/space.ts";
import { eventFrame } from "./cloud-event.ts";
import type { EventFilter } from "./filter.ts";
import type { EventPage } from "./store.ts";

/** What to send to a client next, and its cursor after that. */
export interface Chunk {
	/** Whole frames; undefined if the filter admits none. */
	readonly bytes: Uint8Array | undefined;
	/** The number of the last event in `bytes`; 0 if there is none. */
	readonly lastId: number;
	/** Everything up to this number has been examined. */
	readonly cursor: number;
}

/** Frames are sent in chunks of about this size; an event larger than that is a chunk by itself. */
export const chunkBytesMax = 64 * 1024;

/** A part of the frames that were encoded together. */
interface ByteRange {
	readonly frames: Uint8Array;
	readonly start: number;
	end: number;
}

interface Framed extends ByteRange, InSpace {
	readonly id: number;
	readonly type: EventType;
}

/** The newest events, in order and without a gap, each serialised once. Bounded in number and bytes. */
export class TailBuffer {
	#events: Framed[] = [];
	#bytes = 0;
	#floor = 0;
	#end = 0;
	/** Chunks made since the last event: clients with the same cursor share them. */
	readonly #chunks = new Map<string, Chunk>();

	constructor(
		private readonly eventsMax = 10_000,
		private readonly bytesMax = 16 * 1024 * 1024,
	) {}

	/** Everything up to this number was appended, or was in the log before. */
	get end(): number {
		return this.#end;
	}

	/** Whether everything after `cursor` is in the buffer. */
	reaches(cursor: number): boolean {
		return cursor >= this.#floor;
	}

	/** Empties the buffer; it continues after `rev`. */
	reset(rev: number): void {
		this.#events = [];
		this.#bytes = 0;
		this.#floor = this.#end = rev;
		this.#chunks.clear();
	}

	append({ rows, examined }: EventPage): void {
		this.#chunks.clear();
		const texts = rows.map(eventFrame);
		// Encoded together: encoding them one by one takes several times as long.
		const frames = Buffer.from(texts.join(""), "utf8");
		let start = 0;
		for (const [index, { id, space, type }] of rows.entries()) {
			const end = start + Buffer.byteLength(texts[index] ?? "");
			this.#events.push({ id, space, type, frames, start, end });
			start = end;
		}
		this.#bytes += frames.byteLength;
		this.#end = Math.max(this.#end, examined);
		this.#trim();
	}

	/** What follows `cursor`, which must be within the buffer. */
	take(cursor: number, filter: EventFilter): Chunk {
		const key = `${cursor} ${filter.key}`;
		const shared = this.#chunks.get(key);
		if (shared !== undefined) return shared;
		const chunk = this.#make(cursor, filter);
		if (this.#chunks.size < sharedMax) this.#chunks.set(key, chunk);
		return chunk;
	}

	#make(cursor: number, filter: EventFilter): Chunk {
		const ranges: ByteRange[] = [];
		let length = 0;
		let lastId = 0;
		for (let index = this.#indexAfter(cursor); index < this.#events.length; index++) {
			const event = this.#events[index];
			if (event === undefined || !filter.admits(event)) continue;
			const { id, frames, start, end } = event;
			if (length > 0 && length + end - start > chunkBytesMax) {
				return { bytes: joined(ranges), lastId, cursor: id - 1 };
			}
			const last = ranges.at(-1);
			if (last?.frames === frames && last.end === start) last.end = end;
			else ranges.push({ frames, start, end });
			length += end - start;
			lastId = id;
		}
		return { bytes: joined(ranges), lastId, cursor: Math.max(cursor, this.#end) };
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
		for (const { id, start, end } of this.#events) {
			if (this.#events.length - count <= this.eventsMax && this.#bytes <= this.bytesMax) break;
			this.#bytes -= end - start;
			this.#floor = id;
			count++;
		}
		if (count > 0) this.#events = this.#events.slice(count);
	}
}

/** How many chunks are kept for sharing: 4 MiB at most. */
const sharedMax = 64;

/** Adjacent events form one range, and a single range is not copied. */
function joined(ranges: readonly ByteRange[]): Uint8Array | undefined {
	const parts = ranges.map(({ frames, start, end }) => frames.subarray(start, end));
	return parts.length > 1 ? Buffer.concat(parts) : parts[0];
}
