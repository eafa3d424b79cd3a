import { describe, expect, test } from "bun:test";
import { sha256 } from "../../src/kernel/canonical.ts";
import { ask } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { type Delivered, openTail, type Tail } from "../support/events.ts";
import { foreignWriter } from "../support/events-foreign.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { addUser, testEmail } from "../support/users.ts";

const keys = ["first-key-0123456789", "second-key-0123456789"] as const;
const [first, second] = keys;
const serve = (DATABASE_URL: string) => startServer({ DATABASE_URL, API_KEYS: keys.join(",") });
const actorOfKey = (key: string) => `key/${sha256(key).slice(0, 12)}`;

async function actorOfUser({ storage }: TestServer, email: string): Promise<string> {
	return `user/${(await storage.users.findByEmail(email))?.id}`;
}

const tailOf = ({ url }: TestServer) => openTail(url, "", { "x-api-key": first });

/** Type and actor of the next events of a stream; a page has them byte for byte. */
async function actorsOf(server: TestServer, tail: Tail, count: number) {
	const events = await tail.take(count);
	tail.close();
	await expectInPage(server, events);
	return events.map(({ type, event }) => [type, event.actor]);
}

async function expectInPage(server: TestServer, events: readonly Delivered[]): Promise<void> {
	const after = (events[0]?.id ?? 0) - 1;
	const headers = { "x-api-key": first };
	const page = await ask(server, `GET /events?after=${after}&limit=${events.length}`, { headers });
	expect(page.text).toStartWith(`{"items":[${events.map(({ text }) => text).join(",")}],`);
}

for (const { name, newUrl } of everyDatabase) {
	describe(`the actor of an event on ${name}`, async () => {
		const server = await serve(await newUrl());

		function post(path: string, key: string, body: unknown = {}, more: object = {}) {
			return ask(server, `POST ${path as `/${string}`}`, { headers: { "x-api-key": key, ...more }, body });
		}

		test("is the user whose token the request had, of each change its own", async () => {
			const other = await addUser(server.storage, server.url, "eve@example.com");
			const [ada, eve] = [await actorOfUser(server, testEmail), await actorOfUser(server, "eve@example.com")];
			const tail = await tailOf(server);
			const create = (authorization: string) =>
				ask(server, "POST /collab/tasks", {
					headers: { authorization, "idempotency-key": "once", "x-api-key": first },
					body: { title: "t" },
				});
			const { id } = (await create(server.bearer)).json as { id: string };
			expect((await create(server.bearer)).headers.get("idempotency-replayed")).toBe("true");
			await create(other);
			const headers = { authorization: other, "if-match": "*" };
			await ask(server, `PATCH /collab/tasks/${id}`, { headers, body: { title: "u" } });
			await ask(server, `DELETE /collab/tasks/${id}`, { headers });
			expect(await actorsOf(server, tail, 4)).toEqual([
				["task.created", ada],
				["task.created", eve],
				["task.updated", eve],
				["task.deleted", eve],
			]);
		});

		test("is the key of the request that changed the job: alone, in a batch, by a worker that waited", async () => {
			const tail = await tailOf(server);
			const queue = crypto.randomUUID();
			const waiting = post("/jobs/lease", second, { worker: "w", queues: [queue], wait_seconds: 20 });
			const made = await post("/jobs", first, { kind: "k", queue, unique_key: "u" });
			const { id } = made.json as { id: string };
			await post("/jobs", second, { kind: "k", queue, unique_key: "u" });
			await waiting;
			await post(`/jobs/${id}/fail`, second, { fence: 1, error: "e", retry: false });
			await post(`/jobs/${id}/retry`, first);
			await post("/jobs/lease", second, { worker: "w", queues: [queue] });
			await post(`/jobs/${id}/complete`, second, { fence: 2 });
			const batch = await post("/jobs/batch", second, {
				jobs: [
					{ kind: "a", queue },
					{ kind: "b", queue },
				],
			});
			const [one] = (batch.json as { items: readonly { id: string }[] }).items;
			await post(`/jobs/${one?.id}/cancel`, first);
			const [by, and] = [actorOfKey(first), actorOfKey(second)];
			expect(await actorsOf(server, tail, 9)).toEqual([
				["job.enqueued", by],
				["job.leased", and],
				["job.dead", and],
				["job.retrying", by],
				["job.leased", and],
				["job.succeeded", and],
				["job.enqueued", and],
				["job.enqueued", and],
				["job.cancelled", by],
			]);
		});

		test("is `system` where a lease has run out, on the last attempt too", async () => {
			const queue = crypto.randomUUID();
			const tail = await tailOf(server);
			await post("/jobs", first, { kind: "k", queue, max_attempts: 2 });
			for (const _ of [1, 2]) {
				const lease = { worker: "w", queues: [queue], lease_seconds: 1, wait_seconds: 20 };
				expect((await post("/jobs/lease", second, lease)).status).toBe(200);
			}
			expect(await actorsOf(server, tail, 5)).toEqual([
				["job.enqueued", actorOfKey(first)],
				["job.leased", actorOfKey(second)],
				["job.retrying", "system"],
				["job.leased", actorOfKey(second)],
				["job.dead", "system"],
			]);
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	test(`an event that a server of an earlier version appends on ${name} has no actor`, async () => {
		const url = await newUrl();
		const server = await serve(url);
		const append = await foreignWriter(url);
		const tail = await tailOf(server);
		await append("job.enqueued");
		const events = await tail.take(1);
		tail.close();
		await expectInPage(server, events);
		expect(events[0]?.text).toStartWith('{"data":{"id":"0"},"datacontenttype":');
		expect(events[0]?.event).not.toHaveProperty("actor");
	});
}
