import { nextTurn } from "../kernel/next-turn.ts";
import { Semaphore } from "../kernel/semaphore.ts";
import { eventFrame } from "./cloud-event.ts";
import type { EventFilter } from "./filter.ts";
import type { EventPage, EventStore } from "./store.ts";
import { type Chunk, chunkBytesMax } from "./tail-buffer.ts";

const pageMax = { limit: 500, bytesMax: chunkBytesMax };
const concurrentMax = 4;

/** Reads the log page by page for streams that are behind the tail buffer. */
export class PageReader {
	readonly #underWay = new Map<string, Promise<Chunk | "gone">>();
	readonly #semaphore = new Semaphore({ concurrentMax });

	constructor(private readonly events: EventStore) {}

	/** What follows `cursor`. Clients that reconnect together ask for the same page: one query serves them. */
	read(cursor: number, filter: EventFilter): Promise<Chunk | "gone"> {
		const key = `${cursor} ${filter.key}`;
		const underWay = this.#underWay.get(key);
		if (underWay !== undefined) return underWay;
		const page = this.#semaphore
			.run(() => this.#query(cursor, filter))
			.finally(() => this.#underWay.delete(key));
		this.#underWay.set(key, page);
		return page;
	}

	async #query(cursor: number, { space, types }: EventFilter): Promise<Chunk | "gone"> {
		// SQLite answers in the same turn of the event loop: let other work run between two pages.
		await nextTurn();
		const page = await this.events.read({ space, after: cursor, types, ...pageMax });
		return page.purgedRev > cursor ? "gone" : chunkOf(page);
	}
}

function chunkOf({ rows, examined }: EventPage): Chunk {
	const bytes = rows.length > 0 ? Buffer.from(rows.map(eventFrame).join(""), "utf8") : undefined;
	return { bytes, lastId: rows.at(-1)?.id ?? 0, cursor: examined };
}
