import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { EventSource } from "eventsource";
import { type Browser, chromium } from "playwright-core";
import { ask, errorOf } from "../support/ask.ts";
import { durableDatabases } from "../support/databases.ts";
import { openTail } from "../support/events.ts";
import { freePort } from "../support/ports.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";
import { skipped } from "../support/skips.ts";
import { onEnd } from "../support/teardown.ts";

async function create(server: TestServer, title: string): Promise<void> {
	const answer = await ask(server, "POST /collab/tasks", {
		headers: { authorization: server.bearer },
		body: { title },
	});
	expect(answer.status).toBe(200);
}

/** Items in order of arrival, for a test to wait for. */
class Arrivals<T> {
	readonly #arrived: T[] = [];
	#more = Promise.withResolvers<void>();

	add(thing: T): void {
		this.#arrived.push(thing);
		this.#more.resolve();
		this.#more = Promise.withResolvers();
	}

	async first(count: number): Promise<readonly T[]> {
		while (this.#arrived.length < count) await this.#more.promise;
		return this.#arrived.slice(0, count);
	}
}

const inMemory = { DATABASE_URL: "sqlite://:memory:" };

test("a stream beyond the bound is 503, until one is closed", async () => {
	const server = await startServer({ ...inMemory, EVENTS_STREAMS_MAX: "2" });
	const tails = [await openTail(server.url), await openTail(server.url)];
	const refused = await ask(server, "GET /events/tail");
	expect([refused.status, errorOf(refused).type]).toEqual([503, "unavailable"]);
	expect(refused.headers.get("retry-after")).toBe("5");
	for (let count = 0; count < 5; count++) await ask(server, "GET /events");
	tails[0]?.close();
	// The server notices the closed socket a moment later.
	let again = await fetch(`${server.url}/events/tail`);
	while (again.status === 503) again = await fetch(`${server.url}/events/tail`);
	expect(again.status).toBe(200);
	await again.body?.cancel();
	tails[1]?.close();
});

test("the limit counts a stream once, when it opens", async () => {
	const server = await startServer({ ...inMemory, RATE_LIMIT: "5/hour" });
	const tail = await openTail(server.url, "", { "x-api-key": testApiKey });
	expect(tail.response.headers.get("ratelimit")).toStartWith('"default";r=4;');
	await create(server, "counted for the address");
	await tail.next();
	const after = await ask(server, "GET /events", { headers: { "x-api-key": testApiKey } });
	expect(after.headers.get("ratelimit")).toStartWith('"default";r=3;');
	tail.close();
});

test("an idle stream gets a comment every SSE_KEEPALIVE_SECONDS", async () => {
	const server = await startServer({ ...inMemory, SSE_KEEPALIVE_SECONDS: "1" });
	const tail = await openTail(server.url);
	await tail.block();
	for (let count = 0; count < 2; count++) {
		expect(await tail.block()).toEqual({
			comments: ["keep-alive"],
			id: undefined,
			event: undefined,
			data: undefined,
			retry: undefined,
		});
	}
	tail.close();
});

test("EVENTS_RETENTION_HOURS bounds the log of a running server", async () => {
	const server = await startServer({ ...inMemory, EVENTS_RETENTION_HOURS: "0.0000001" });
	const { promise: purged, resolve } = Promise.withResolvers<void>();
	await create(server, "short-lived");
	const forget = server.storage.events.onChange(() => {
		void server.storage.events.range().then(({ purgedRev }) => purgedRev === 1 && resolve());
	});
	await purged;
	forget();
	expect((await ask(server, "GET /events")).text).toBe('{"items":[],"kind":"events","next_after":1}');
});

for (const { name, newUrl } of durableDatabases) {
	describe(`a server on ${name} that restarts`, async () => {
		const env = { DATABASE_URL: await newUrl(), PORT: String(freePort()) };

		test("ends its streams after whole events, and a client that resumes from its last id misses nothing", async () => {
			const first = await startServer(env);
			const tails = await Promise.all([openTail(first.url), openTail(first.url)]);
			const writing = Array.from({ length: 50 }, (_, index) => create(first, `before ${index}`));
			await tails[0]?.take(20);
			await Promise.all(writing);
			await first.stop();
			const seen: number[] = [];
			for (const tail of tails) {
				let last = tail === tails[0] ? 20 : 0;
				for (let block = await tail.block(); block !== undefined; block = await tail.block()) {
					if (block.data === undefined) continue;
					expect(Number(block.id)).toBe(last + 1);
					expect(JSON.parse(block.data).id).toBe(block.id);
					last++;
				}
				expect(tail.rest()).toBe("");
				seen.push(last);
			}
			expect(seen).toEqual([50, 50]);
			const second = await startServer(env);
			await create(second, "after");
			const tail = await openTail(second.url, "", { "last-event-id": "50" });
			expect(await tail.next()).toMatchObject({ id: 51, event: { data: { title: "after" } } });
			tail.close();
			await second.stop();
		});

		test("is followed through the restart by the npm package eventsource", async () => {
			const first = await startServer(env);
			const titles = new Arrivals<string>();
			const source = new EventSource(`${first.url}/events/tail`, {
				fetch: (url, init) =>
					fetch(url, { ...init, headers: { ...init.headers, "x-api-key": testApiKey } } as RequestInit),
			});
			onEnd(() => source.close());
			const opened = Promise.withResolvers<void>();
			source.addEventListener("open", () => opened.resolve());
			source.addEventListener("task.created", ({ data }) => titles.add(JSON.parse(data).data.title));
			await opened.promise;
			await create(first, "one");
			await titles.first(1);
			await first.stop();
			const second = await startServer(env);
			await create(second, "two");
			await create(second, "three");
			expect(await titles.first(3)).toEqual(["one", "two", "three"]);
			source.close();
			await second.stop();
		});
	});
}

const chromiumPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
	(path) => existsSync(path),
);
if (chromiumPath === undefined) skipped("Chromium", "install the package chromium");

test.if(chromiumPath !== undefined)("a page follows the tail through a restart of the server", async () => {
	const env = { DATABASE_URL: (await durableDatabases[0]?.newUrl()) ?? "", PORT: String(freePort()) };
	const first = await startServer(env);
	const browser: Browser = await chromium.launch({
		...(chromiumPath !== undefined && { executablePath: chromiumPath }),
		args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
	});
	onEnd(() => browser.close());
	const page = await browser.newPage();
	const titles = new Arrivals<string>();
	await page.exposeFunction("report", (title: string) => titles.add(title));
	await page.goto(`${first.url}/swagger`);
	await page.evaluate(async () => {
		const source = new EventSource("/events/tail");
		source.addEventListener("task.created", ({ data }) => {
			(globalThis as unknown as { report(title: string): void }).report(JSON.parse(data).data.title);
		});
		await new Promise((resolve) => source.addEventListener("open", resolve));
	});
	// No event has been delivered yet: the page has its last id only from the stream's first bytes.
	await first.stop();
	const second = await startServer(env);
	await create(second, "while the page was away, or just back");
	await create(second, "two");
	expect(await titles.first(2)).toEqual(["while the page was away, or just back", "two"]);
	await second.stop();
	const third = await startServer(env);
	await create(third, "three");
	expect(await titles.first(3)).toEqual(["while the page was away, or just back", "two", "three"]);
	await browser.close();
	await third.stop();
});
