import { afterEach, describe, expect, test } from "bun:test";
import type { WatchedAccess } from "../../src/events/access.ts";
import { Broadcaster } from "../../src/events/broadcaster.ts";
import { eventFilter } from "../../src/events/filter.ts";
import type { EventPage, EventQuery, EventRow, EventStore } from "../../src/events/store.ts";
import { eventStream } from "../../src/events/stream.ts";
import { TailBuffer } from "../../src/events/tail-buffer.ts";
import { eventPage } from "../../src/storage/collections/event-page.ts";
import { parseBlock } from "../support/events.ts";
import { silentLog } from "../support/server.ts";

const log = await silentLog();

/** A log in memory that records its reads. */
class FakeLog implements EventStore {
	readonly reads: EventQuery[] = [];
	readonly #listeners = new Set<() => void>();
	/** The last number; every tenth event is of a task, the others are of jobs. */
	rev = 0;
	purgedRev = 0;
	isDown = false;
	/** What a read waits for before it returns. */
	ready: Promise<void> | undefined;

	append(count: number): void {
		this.rev += count;
		for (const listener of this.#listeners) listener();
	}

	/** Removes the oldest events, up to a number. */
	purgeTo(rev: number): void {
		this.purgedRev = rev;
		this.append(0);
	}

	/** Begins a new epoch, far beyond all numbers so far. */
	beginEpoch(): void {
		this.rev += 1_000_000;
		this.purgeTo(this.rev);
	}

	async range() {
		return { rev: this.rev, purgedRev: this.purgedRev };
	}

	async read(query: EventQuery): Promise<EventPage> {
		this.reads.push(query);
		if (this.isDown) throw new Error("down");
		const rows: EventRow[] = [];
		for (let id = Math.max(query.after, this.purgedRev) + 1; id <= this.rev; id++) {
			const type = id % 10 === 0 ? "task.created" : "job.leased";
			if (!query.types.includes(type) || rows.length === query.limit) continue;
			rows.push({
				id,
				type,
				subject: `/at/${id}`,
				data: "{}",
				actor: null,
				requestId: "r",
				space: 1,
				spaceName: null,
				time: id,
				ready: null,
				reason: null,
				expiresAt: null,
			});
		}
		const page = eventPage(query, this, rows, rows.length === query.limit);
		await this.ready;
		return page;
	}

	async purge(): Promise<number> {
		return 0;
	}

	onChange(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}
}

function broadcasterOf(events: EventStore, keepaliveMs = 3_600_000): Broadcaster {
	return new Broadcaster({ events, log, keepaliveMs, streamsMax: 10_000 });
}

/** Opens a stream from `cursor` and reads its blocks. */
function follow(
	broadcaster: Broadcaster,
	rev: number,
	cursor: number,
	seesJobs: boolean,
	watch?: () => WatchedAccess,
) {
	const leaving = new AbortController();
	const filter = eventFilter(undefined, seesJobs ? ["task", "job"] : ["task"]);
	const { signal } = leaving;
	const start = { cursor, isResumed: true, rev, filter, signal, watch };
	const reader = eventStream(broadcaster, start).getReader();
	let pending = "";
	async function block() {
		while (!pending.includes("\n\n")) {
			const { value, done } = await reader.read();
			if (done) return undefined;
			pending += Buffer.from(value).toString("utf8");
		}
		const end = pending.indexOf("\n\n");
		const lines = pending.slice(0, end);
		pending = pending.slice(end + 2);
		return parseBlock(lines);
	}
	async function ids(count: number): Promise<readonly number[]> {
		const found: number[] = [];
		while (found.length < count) {
			const next = await block();
			if (next === undefined) throw new Error("the stream ended");
			if (next.data !== undefined) found.push(Number(next.id));
		}
		return found;
	}
	opened.push(() => leaving.abort());
	return { block, ids, leave: () => leaving.abort() };
}

const opened: (() => void)[] = [];

/** These streams have no client that reads them to their end. */
afterEach(() => {
	for (const leave of opened.splice(0)) leave();
});

/** The last block of a stream whose next events are no longer in the log. */
const gone = {
	event: "gone",
	data: '{"message":"What comes next is not kept any more: list again, then tail from X-Event-Id.","type":"gone"}',
	id: undefined,
	retry: undefined,
	comments: [],
};

/** The next turn of the event loop. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const upTo = (count: number, step = 1) => Array.from({ length: count }, (_, index) => (index + 1) * step);

describe("the broadcaster", () => {
	test("reads the log once per batch, however many streams there are", async () => {
		const events = new FakeLog();
		const broadcaster = broadcasterOf(events);
		const streams = Array.from({ length: 200 }, () => follow(broadcaster, 0, 0, true));
		events.append(30);
		for (const stream of streams) expect(await stream.ids(30)).toEqual(upTo(30));
		events.append(10);
		for (const stream of streams) expect(await stream.ids(10)).toEqual(upTo(40).slice(30));
		// The first read, and one per batch.
		expect(events.reads.length).toBeLessThanOrEqual(3);
	});

	test("reads a page once for all clients that reconnect together", async () => {
		const events = new FakeLog();
		events.append(400);
		const broadcaster = broadcasterOf(events);
		const streams = Array.from({ length: 200 }, () => follow(broadcaster, 400, 0, true));
		await Promise.all(streams.map(async (stream) => expect(await stream.ids(400)).toEqual(upTo(400))));
		expect(events.reads.filter(({ after }) => after === 0)).toHaveLength(1);
	});

	test("does not read the log while no stream is open, and resumes without a gap", async () => {
		const events = new FakeLog();
		const broadcaster = broadcasterOf(events);
		const first = follow(broadcaster, 0, 0, true);
		events.append(5);
		await first.ids(5);
		first.leave();
		events.append(5);
		await Bun.sleep(1);
		const { length } = events.reads;
		events.append(5);
		await Bun.sleep(1);
		expect(events.reads).toHaveLength(length);
		const second = follow(broadcaster, events.rev, 5, true);
		events.append(5);
		expect(await second.ids(15)).toEqual(upTo(20).slice(5));
	});

	test("keeps reading for a stream that opens just as the reader finds that the last one has closed", async () => {
		for (let microtasks = 0; microtasks < 12; microtasks++) {
			const events = new FakeLog();
			const broadcaster = broadcasterOf(events);
			const last = follow(broadcaster, 0, 0, true);
			await last.block();
			events.append(1);
			await last.ids(1);
			const reading = Promise.withResolvers<void>();
			events.ready = reading.promise;
			const { length } = events.reads;
			last.leave();
			while (events.reads.length === length) await Promise.resolve();
			reading.resolve();
			for (let count = 0; count < microtasks; count++) await Promise.resolve();
			const next = follow(broadcaster, 1, 1, true);
			await turn();
			events.append(1);
			const heard = Promise.race([next.ids(1), Bun.sleep(500).then(() => "silence")]);
			expect([microtasks, await heard]).toEqual([microtasks, [2]]);
		}
	});

	test("sends a bookmark to a client whose filter leaves events out, with every fourth keep-alive", async () => {
		const events = new FakeLog();
		const broadcaster = broadcasterOf(events, 10);
		const stream = follow(broadcaster, 0, 0, false);
		await stream.block();
		events.append(25);
		expect(await stream.ids(2)).toEqual([10, 20]);
		const until = async () => {
			let comments = 0;
			for (let block = await stream.block(); ; block = await stream.block()) {
				if (block?.event === "bookmark") return { comments, block };
				comments += block?.comments.length ?? 0;
			}
		};
		const { comments, block } = await until();
		expect(comments).toBeWithin(1, 5);
		expect(block).toMatchObject({ id: "25", data: '{"id":"25"}' });
		// No event since: no second bookmark until there is an event.
		for (let count = 0; count < 8; count++) expect((await stream.block())?.comments).toEqual(["keep-alive"]);
		events.append(1);
		expect((await until()).block.id).toBe("26");
	});

	test("ends the stream of a client whose next events retention has removed, and says why", async () => {
		const events = new FakeLog();
		events.append(1000);
		const broadcaster = broadcasterOf(events);
		const stream = follow(broadcaster, 1000, 0, true);
		await stream.block();
		events.purgeTo(600);
		expect(await stream.block()).toEqual(gone);
		expect(await stream.block()).toBeUndefined();
		expect(broadcaster.streams).toBe(0);
	});

	test("ends every live stream when the log begins a new epoch, and says why", async () => {
		const events = new FakeLog();
		events.append(20);
		const broadcaster = broadcasterOf(events);
		const streams = [follow(broadcaster, 20, 20, true), follow(broadcaster, 20, 20, false)];
		for (const stream of streams) await stream.block();
		events.append(1);
		await streams[0]?.ids(1);
		events.beginEpoch();
		for (const stream of streams) {
			expect(await stream.block()).toEqual(gone);
			expect(await stream.block()).toBeUndefined();
		}
		const next = follow(broadcaster, events.rev, events.rev, true);
		events.append(1);
		expect(await next.ids(1)).toEqual([events.rev]);
	});

	test("keeps a stream if the purged events were sent, or are in the buffer to be sent", async () => {
		const events = new FakeLog();
		events.append(10);
		const broadcaster = broadcasterOf(events);
		const live = follow(broadcaster, 10, 10, true);
		const slow = follow(broadcaster, 10, 10, true);
		await Promise.all([live.block(), slow.block()]);
		events.purgeTo(10);
		events.append(2);
		expect(await live.ids(2)).toEqual([11, 12]);
		events.purgeTo(12);
		events.append(1);
		expect(await live.ids(1)).toEqual([13]);
		expect(await slow.ids(3)).toEqual([11, 12, 13]);
	});

	test("keeps its streams while the log cannot be read, and continues after", async () => {
		const events = new FakeLog();
		events.append(20);
		const broadcaster = broadcasterOf(events);
		events.isDown = true;
		const live = follow(broadcaster, 20, 20, true);
		const behind = follow(broadcaster, 20, 0, true);
		await Promise.all([live.block(), behind.block()]);
		const [liveIds, behindIds] = [live.ids(5), behind.ids(25)];
		events.append(5);
		await Bun.sleep(5);
		events.isDown = false;
		expect(await liveIds).toEqual([21, 22, 23, 24, 25]);
		expect(await behindIds).toEqual(upTo(25));
	});

	test("sends what is committed before it stops; a second stop does nothing", async () => {
		const events = new FakeLog();
		const broadcaster = broadcasterOf(events);
		const stream = follow(broadcaster, 0, 0, true);
		await stream.block();
		// An event committed during a read is not in its page.
		const reading = Promise.withResolvers<void>();
		events.ready = reading.promise;
		events.append(1);
		while (events.reads.length < 2) await Promise.resolve();
		events.append(2999);
		const end = stream.ids(3000).then(async (ids) => ({ ids, after: await stream.block() }));
		const stopped = Promise.all([broadcaster.stop(), broadcaster.stop()]);
		reading.resolve();
		await stopped;
		expect(await end).toEqual({ ids: upTo(3000), after: undefined });
		expect(() => follow(broadcaster, 3000, 3000, true)).toThrow();
	});

	test("ends a stream without a reason when it stops, even if the next events are lost", async () => {
		const events = new FakeLog();
		events.append(1000);
		const broadcaster = broadcasterOf(events);
		const stream = follow(broadcaster, 1000, 0, true);
		await stream.block();
		const stopped = broadcaster.stop();
		await turn();
		events.beginEpoch();
		expect(await stream.block()).toBeUndefined();
		await stopped;
	});

	/** A credential whose state a test decides. */
	function credential() {
		const state = { isEnded: false, isUnconfirmed: false, released: 0 };
		const release = () => void state.released++;
		return { state, watch: () => Object.assign(state, { release }) };
	}

	/** An open stream from `rev` on, and the state of its credential. */
	async function openWatched(events: FakeLog, rev = 0) {
		const broadcaster = broadcasterOf(events);
		const { state, watch } = credential();
		const stream = follow(broadcaster, rev, 0, true, watch);
		await stream.block();
		return { broadcaster, state, stream };
	}

	test("sends a stream nothing while its credential is unconfirmed, and then everything", async () => {
		const events = new FakeLog();
		const { broadcaster, state, stream } = await openWatched(events);
		state.isUnconfirmed = true;
		const ids = stream.ids(20);
		events.append(10);
		await turn();
		events.append(10);
		expect(await Promise.race([ids, turn().then(turn)])).toBeUndefined();
		state.isUnconfirmed = false;
		broadcaster.signal.notify();
		expect(await ids).toEqual(upTo(20));
		expect(state.released).toBe(0);
		stream.leave();
		expect(state.released).toBe(1);
	});

	test("ends a stream with its credential, before the events that have come meanwhile, behind the buffer too", async () => {
		for (const rev of [0, 1000]) {
			const events = new FakeLog();
			events.append(rev);
			const { broadcaster, state, stream } = await openWatched(events, rev);
			state.isEnded = true;
			events.append(10);
			broadcaster.signal.notify();
			expect(await stream.block()).toMatchObject({ event: "unauthorized", id: undefined });
			expect(await stream.block()).toBeUndefined();
			expect([state.released, broadcaster.streams]).toEqual([1, 0]);
		}
	});

	test("ends a stream whose credential has ended also while the log cannot be read", async () => {
		const events = new FakeLog();
		events.append(1000);
		const { state, stream } = await openWatched(events, 1000);
		events.isDown = true;
		const next = stream.block();
		await turn();
		state.isEnded = true;
		expect(await next).toMatchObject({ event: "unauthorized" });
	});

	test("stops although a stream's credential is unconfirmed", async () => {
		const events = new FakeLog();
		const { broadcaster, state, stream } = await openWatched(events);
		state.isUnconfirmed = true;
		const next = stream.block();
		events.append(1);
		await turn();
		await broadcaster.stop();
		expect(await next).toBeUndefined();
		expect(state.released).toBe(1);
	});

	test("does not watch a credential for a stream that finds no place", () => {
		const broadcaster = new Broadcaster({ events: new FakeLog(), log, keepaliveMs: 1000, streamsMax: 0 });
		const { state, watch } = credential();
		expect(() => follow(broadcaster, 0, 0, true, () => Object.assign(watch(), { isEnded: true }))).toThrow();
		expect(state.isEnded).toBe(false);
	});
});

describe("the tail buffer", () => {
	const filter = eventFilter(undefined, ["task", "job"]);
	const row = (id: number, data = "{}") => {
		return {
			id,
			type: "task.created",
			subject: "/s",
			data,
			actor: "system",
			requestId: "r",
			space: 1,
			spaceName: null,
			time: id,
			ready: null,
			reason: null,
			expiresAt: null,
		} as const;
	};
	const batch = (rows: readonly ReturnType<typeof row>[]) => {
		const last = rows.at(-1)?.id ?? 0;
		return { rows, examined: last, rev: last, purgedRev: 0 };
	};

	test("keeps the newest events, within its bounds", () => {
		const byCount = new TailBuffer(100, 1_000_000);
		byCount.append(batch(upTo(250).map((id) => row(id))));
		expect([byCount.reaches(149), byCount.reaches(150)]).toEqual([false, true]);
		const byBytes = new TailBuffer(100, 10_000);
		byBytes.append(batch(upTo(9).map((id) => row(id, JSON.stringify("x".repeat(2000))))));
		expect([byBytes.reaches(4), byBytes.reaches(5)]).toEqual([false, true]);
		byBytes.append(batch([row(10, JSON.stringify("x".repeat(20_000)))]));
		expect([byBytes.end, byBytes.reaches(9), byBytes.reaches(10)]).toEqual([10, false, true]);
	});

	test("returns consecutive chunks of bounded size, and the same chunk to all clients with one cursor", () => {
		const buffer = new TailBuffer();
		buffer.append(batch(upTo(100).map((id) => row(id, JSON.stringify("x".repeat(3000))))));
		const ids: number[] = [];
		for (let cursor = 0; cursor < 100; ) {
			const chunk = buffer.take(cursor, filter);
			expect(buffer.take(cursor, eventFilter(undefined, ["task", "job"]))).toBe(chunk);
			expect(chunk.bytes?.byteLength).toBeLessThanOrEqual(64 * 1024);
			const text = Buffer.from(chunk.bytes ?? []).toString("utf8");
			ids.push(...[...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)));
			expect(chunk).toMatchObject({ lastId: ids.at(-1), cursor: ids.at(-1) });
			cursor = chunk.cursor;
		}
		expect(ids).toEqual(upTo(100));
		expect(buffer.take(100, filter)).toEqual({ bytes: undefined, lastId: 0, cursor: 100 });
	});
});

test("a page that its filter leaves empty advances step by step, not through the whole log at once", () => {
	const range = { rev: 1_000_000, purgedRev: 500_000 };
	const query = { space: "every", after: 0, types: [], limit: 10, bytesMax: 10 } as const;
	expect(eventPage(query, range, [], false).examined).toBe(510_000);
	expect(eventPage({ ...query, after: 990_001 }, range, [], false).examined).toBe(1_000_000);
});
