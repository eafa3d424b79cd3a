import { describe, expect, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import type { EventQuery } from "../../src/events/store.ts";
import { openStorage } from "../../src/storage/open.ts";
import { ask, errorOf } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { beginEpoch } from "../support/epochs.ts";
import { openTail, type Tail } from "../support/events.ts";
import { silentLog, startServer, type TestServer } from "../support/server.ts";

const log = await silentLog();

async function create(server: TestServer, title: string): Promise<void> {
	const headers = { authorization: server.bearer };
	expect((await ask(server, "POST /collab/tasks", { headers, body: { title } })).status).toBe(200);
}

/** Expects the stream to end with `gone`, and a resume from `lastId` to be 410. */
async function expectGone(server: TestServer, tail: Tail, lastId: number): Promise<void> {
	expect(await tail.block()).toEqual({
		event: "gone",
		data: '{"message":"What comes next is not kept any more: list again, then tail from X-Event-Id.","type":"gone"}',
		id: undefined,
		retry: undefined,
		comments: [],
	});
	expect(await tail.block()).toBeUndefined();
	expect(tail.rest()).toBe("");
	for (const path of [`/events/tail?last_event_id=${lastId}`, `/events?after=${lastId}`] as const) {
		const answer = await ask(server, `GET ${path}`);
		expect([path, answer.status, errorOf(answer).type]).toEqual([path, 410, "gone"]);
	}
}

for (const { name, newUrl } of everyDatabase) {
	test(`on ${name} a stream whose next events retention has removed ends with the reason, and its next resume is 410`, async () => {
		const storage = await openStorage(readConfig({ DATABASE_URL: await newUrl() }, false).database, log);
		// The second page is read when the test lets it.
		const purged = Promise.withResolvers<void>();
		const asked = Promise.withResolvers<number>();
		const read = async (query: EventQuery) => {
			if (query.after > 0 && query.after < 600) {
				asked.resolve(query.after);
				await purged.promise;
			}
			return storage.events.read(query);
		};
		const events = { ...storage.events, read };
		const server = await startServer({}, { storage: { ...storage, events } });
		await Promise.all(Array.from({ length: 600 }, (_, index) => create(server, `task ${index}`)));
		const tail = await openTail(server.url, "?last_event_id=0");
		const count = await asked.promise;
		while ((await server.storage.events.purge(Date.now() + 1, 500)) > 0) {
			// in steps
		}
		purged.resolve();
		const sent = await tail.take(count);
		await expectGone(server, tail, sent.at(-1)?.id ?? 0);
	});
}

for (const { name, newUrl } of durableDatabases) {
	describe(`a new epoch of the log on ${name}`, () => {
		test("ends live streams with the reason, and their next resume is 410; a stream from the epoch's beginning continues", async () => {
			const url = await newUrl();
			const server = await startServer({ DATABASE_URL: url });
			const tail = await openTail(server.url);
			await tail.block();
			await create(server, "of the old epoch");
			expect((await tail.next()).id).toBe(1);
			await beginEpoch(url);
			await expectGone(server, tail, 1);
			const { rev } = await server.storage.events.range();
			const next = await openTail(server.url, "", { "last-event-id": String(rev) });
			next.close();
		});
	});
}
