import { describe, expect, test } from "bun:test";
import { canonical } from "../../src/kernel/canonical.ts";
import { ask, errorOf } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { type CloudEvent, openTail } from "../support/events.ts";
import { foreignWriter } from "../support/events-foreign.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";

interface EventPage {
	readonly items: readonly CloudEvent[];
	readonly next_after: number;
}

interface Task {
	readonly id: string;
	readonly title: string;
}

async function create(server: TestServer, title: string): Promise<Task & { readonly requestId: string }> {
	const requestId = `made-${crypto.randomUUID()}`;
	const headers = { authorization: server.bearer, "x-request-id": requestId };
	const answer = await ask(server, "POST /collab/tasks", { headers, body: { title } });
	expect(answer.status).toBe(200);
	return { ...(answer.json as Task), requestId };
}

const change = (server: TestServer, method: "PATCH" | "DELETE", id: string, body?: object) =>
	ask(server, `${method} /collab/tasks/${id}`, {
		headers: { authorization: server.bearer, "if-match": "*" },
		...(body !== undefined && { body }),
	});

async function page(server: TestServer, query = ""): Promise<EventPage> {
	const answer = await ask(server, `GET /events${query}`);
	expect(answer.status).toBe(200);
	expect(canonical(answer.json)).toBe(answer.text);
	return answer.json as EventPage;
}

for (const { name, newUrl } of everyDatabase) {
	describe(`events on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });

		test("a stream opens at once, names its first id, and must not be cached", async () => {
			const tail = await openTail(server.url);
			const { headers } = tail.response;
			expect(headers.get("content-type")).toBe("text/event-stream");
			expect(headers.get("cache-control")).toBe("no-store, no-transform");
			expect(headers.get("x-accel-buffering")).toBe("no");
			expect(headers.get("x-request-id")).not.toBeNull();
			const { rev } = await server.storage.events.range();
			expect(await tail.block()).toEqual({
				retry: "1000",
				comments: ["events follow as they are committed"],
				id: String(rev),
				event: undefined,
				data: undefined,
			});
			tail.close();
		});

		test("each change is delivered once, in order, as a canonical CloudEvents object", async () => {
			const tail = await openTail(server.url);
			const before = Date.now();
			const made = await create(server, 'One — „zwei“ \u2028 👩‍🚀\n\t\\"');
			const patched = await change(server, "PATCH", made.id, { title: "Two" });
			await change(server, "PATCH", made.id, { title: "Two" });
			await change(server, "DELETE", made.id);
			const events = await tail.take(3);
			tail.close();
			expect(events.map(({ type }) => type)).toEqual(["task.created", "task.updated", "task.deleted"]);
			const first = events[0]?.id ?? 0;
			for (const [index, { id, type, text, event }] of events.entries()) {
				expect(id).toBe(first + index);
				expect(canonical(event)).toBe(text);
				expect(event).toMatchObject({
					specversion: "1.0",
					id: String(id),
					type,
					source: "/orchestrator",
					subject: `/collab/tasks/${made.id}`,
				});
				expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
				expect(Date.parse(event.time)).toBeWithin(before, Date.now() + 1);
			}
			expect(events[0]?.event.requestid).toBe(made.requestId);
			expect(events[0]?.event.data).toMatchObject({ title: made.title, version: 1 });
			expect(canonical(events[1]?.event.data)).toBe(patched.text);
			expect(events[2]?.event.data).toEqual(events[1]?.event.data as never);
		});

		test("a tail continues from the list's X-Event-Id: nothing is missed, nothing repeated", async () => {
			await create(server, "before");
			const list = await ask(server, "GET /collab/state/tasks");
			const rev = list.headers.get("x-event-id") ?? "";
			const after = await create(server, "after");
			const tail = await openTail(server.url, `?last_event_id=${rev}`);
			expect(await tail.next()).toMatchObject({ id: Number(rev) + 1, event: { data: { id: after.id } } });
			tail.close();
			const unchanged = await ask(server, "GET /collab/state/tasks", {
				headers: {
					"if-none-match": (await ask(server, "GET /collab/state/tasks")).headers.get("etag") ?? "",
				},
			});
			expect(unchanged.status).toBe(304);
			expect(unchanged.headers.get("x-event-id")).toBe(String(Number(rev) + 1));
		});

		test("Last-Event-ID replays what came after it and continues live; the header wins; 0 is the beginning", async () => {
			const { id } = await create(server, "replayed");
			const { rev } = await server.storage.events.range();
			const tails = await Promise.all([
				openTail(server.url, "", { "last-event-id": String(rev - 1) }),
				openTail(server.url, "?last_event_id=nonsense", { "last-event-id": String(rev - 1) }),
				openTail(server.url, `?last_event_id=${rev - 1}`),
			]);
			const live = await create(server, "live");
			for (const tail of tails) {
				expect((await tail.block())?.id).toBeUndefined();
				const events = await tail.take(2);
				expect(events.map(({ id }) => id)).toEqual([rev, rev + 1]);
				expect(events.map(({ event }) => event.data.id)).toEqual([id, live.id]);
				tail.close();
			}
			const all = await openTail(server.url, "?last_event_id=0");
			const ids = (await all.take(rev + 1)).map(({ id }) => id);
			expect(ids).toEqual(Array.from({ length: rev + 1 }, (_, index) => index + 1));
			all.close();
		});

		test("GET /events pages through the same objects", async () => {
			await create(server, "paged");
			const { rev } = await server.storage.events.range();
			const tail = await openTail(server.url, "?last_event_id=0");
			const streamed = (await tail.take(rev)).map(({ event }) => event);
			tail.close();
			const polled: CloudEvent[] = [];
			let after = 0;
			for (let got = await page(server, "?limit=2"); got.items.length > 0; ) {
				polled.push(...got.items);
				after = got.next_after;
				expect(after).toBe(Number(got.items.at(-1)?.id));
				got = await page(server, `?limit=2&after=${after}`);
			}
			expect(polled).toEqual(streamed);
			expect(after).toBe(rev);
			const none = await page(server, "?types=task.deleted&after=0");
			expect(none.items.every(({ type }) => type === "task.deleted")).toBe(true);
			expect(none.next_after).toBe(rev);
		});

		test("an empty Last-Event-ID is as if absent, in the header and in the query", async () => {
			const { rev } = await server.storage.events.range();
			const now = [
				await openTail(server.url, "", { "last-event-id": "" }),
				await openTail(server.url, "", { "last-event-id": " \t" }),
				await openTail(server.url, "?last_event_id="),
				await openTail(server.url, "?last_event_id=%20"),
				await openTail(server.url, "?last_event_id=", { "last-event-id": "" }),
			];
			const back = [
				await openTail(server.url, `?last_event_id=${rev - 1}`, { "last-event-id": "" }),
				await openTail(server.url, "?last_event_id=", { "last-event-id": String(rev - 1) }),
			];
			const { id } = await create(server, "after an empty id");
			for (const tail of now) {
				expect((await tail.block())?.id).toBe(String(rev));
				expect((await tail.next()).event.data.id).toBe(id);
				tail.close();
			}
			for (const tail of back) {
				expect((await tail.take(2)).map((event) => event.id)).toEqual([rev, rev + 1]);
				tail.close();
			}
		});

		test("types narrows a stream", async () => {
			const tail = await openTail(server.url, "?types=task.deleted,task.updated");
			const { id } = await create(server, "narrowed");
			await change(server, "PATCH", id, { description: "changed" });
			await change(server, "DELETE", id);
			expect((await tail.take(2)).map(({ type }) => type)).toEqual(["task.updated", "task.deleted"]);
			tail.close();
		});

		test("an invalid request is rejected before the first byte", async () => {
			const { rev } = await server.storage.events.range();
			const refusals: readonly (readonly [`/${string}`, string, Record<string, string>?])[] = [
				["/events/tail?last_event_id=-1", "/last_event_id"],
				["/events/tail?last_event_id=1.5", "/last_event_id"],
				["/events/tail?last_event_id=1e3", "/last_event_id"],
				[`/events/tail?last_event_id=${rev + 1}`, "/last_event_id"],
				["/events/tail?last_event_id=99999999999999999999", "/last_event_id"],
				["/events/tail?last_event_id=0", "/Last-Event-ID", { "last-event-id": "x" }],
				["/events/tail?last_event_id=x", "/last_event_id", { "last-event-id": "" }],
				["/events?after=", "/after"],
				["/events/tail?types=task", "/types"],
				["/events/tail?types=", "/types"],
				["/events/tail?types=task.*,", "/types"],
				["/events/tail?types=*", "/types"],
				["/events/tail?types=task.created%00", "/types"],
				["/events/tail?type=task.created", "/type"],
				["/events?limit=0", "/limit"],
				["/events?limit=1001", "/limit"],
				["/events?after=-1", "/after"],
				["/events?after=x", "/after"],
				[`/events?after=${rev + 1}`, "/after"],
				["/events?types=job.exploded", "/types"],
			];
			for (const [path, fault, headers = {}] of refusals) {
				const answer = await ask(server, `GET ${path}`, { headers });
				expect([path, answer.status]).toEqual([path, 422]);
				expect(errorOf(answer).details?.map((detail) => detail.path)).toEqual([fault]);
			}
		});

		test("an invalid key is rejected on both routes, before anything else; a valid one is accepted", async () => {
			for (const path of ["/events", "/events/tail", "/events?limit=x", "/events/tail?types=x"] as const) {
				const answer = await ask(server, `GET ${path}`, {
					headers: { "x-api-key": "not-a-valid-key-at-all" },
				});
				expect([answer.status, errorOf(answer).type]).toEqual([403, "forbidden"]);
			}
			const tail = await openTail(server.url, "", { "x-api-key": testApiKey });
			await create(server, "seen with a key");
			expect((await tail.next()).type).toBe("task.created");
			tail.close();
		});

		test("HEAD responds as GET does, without a body and without a stream", async () => {
			const answer = await ask(server, "HEAD /events/tail");
			expect(answer.status).toBe(200);
			expect(answer.headers.get("content-type")).toBe("text/event-stream");
			expect(answer.text).toBe("");
		});

		test("a number whose next events retention has removed is 410; 0 is the oldest that is kept", async () => {
			await create(server, "kept no more");
			const { rev } = await server.storage.events.range();
			while ((await server.storage.events.purge(Date.now() + 1, 100)) > 0) {
				// in steps
			}
			const { id } = await create(server, "kept");
			for (const path of [`/events/tail?last_event_id=${rev - 1}`, `/events?after=${rev - 1}`] as const) {
				const answer = await ask(server, `GET ${path}`);
				expect([path, answer.status, errorOf(answer).type]).toEqual([path, 410, "gone"]);
			}
			for (const start of [0, rev]) {
				const tail = await openTail(server.url, `?last_event_id=${start}`);
				expect(await tail.next()).toMatchObject({ id: rev + 1, event: { data: { id } } });
				tail.close();
				expect((await page(server, `?after=${start}`)).items.map((item) => item.id)).toEqual([
					String(rev + 1),
				]);
			}
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	describe(`events of jobs on ${name}`, async () => {
		const url = await newUrl();
		const server = await startServer({ DATABASE_URL: url });
		const append = await foreignWriter(url);

		test("are sent only with a valid key, live and replayed, on every route", async () => {
			const key = { "x-api-key": testApiKey };
			const start = (await server.storage.events.range()).rev;
			const live = await openTail(server.url);
			const keyed = await openTail(server.url, "", key);
			const dead = await openTail(server.url, "?types=task.*,job.dead", key);
			const asking = await openTail(server.url, "?types=job.*,task.deleted");
			await append("job.enqueued");
			await append("job.dead");
			const { id } = await create(server, "public");
			await change(server, "DELETE", id);
			const replayed = await openTail(server.url, `?last_event_id=${start}`);
			const replayedKeyed = await openTail(server.url, `?last_event_id=${start}`, key);
			const types = async (tail: typeof live, count: number) =>
				(await tail.take(count)).map(({ type }) => type);
			const tasks = ["task.created", "task.deleted"];
			expect(await types(live, 2)).toEqual(tasks);
			expect(await types(replayed, 2)).toEqual(tasks);
			expect(await types(keyed, 4)).toEqual(["job.enqueued", "job.dead", ...tasks]);
			expect(await types(replayedKeyed, 4)).toEqual(["job.enqueued", "job.dead", ...tasks]);
			expect(await types(dead, 3)).toEqual(["job.dead", ...tasks]);
			expect(await types(asking, 1)).toEqual(["task.deleted"]);
			for (const tail of [live, keyed, dead, asking, replayed, replayedKeyed]) tail.close();

			const seen = async (query: string, headers = {}) => {
				const answer = await ask(server, `GET /events?after=${start}${query}`, { headers });
				const { items, next_after } = answer.json as EventPage;
				return [items.map(({ type }) => type), next_after];
			};
			expect(await seen("")).toEqual([tasks, start + 4]);
			expect(await seen("&types=job.*")).toEqual([[], start + 4]);
			expect(await seen("&types=job.*", key)).toEqual([["job.enqueued", "job.dead"], start + 4]);
			expect(await seen("&limit=1", key)).toEqual([["job.enqueued"], start + 1]);
		});
	});
}
