import { expect, test } from "bun:test";
import { durableDatabases } from "../support/databases.ts";
import { connectRaw, type RawConnection } from "../support/raw.ts";
import { startServer, testApiKey } from "../support/server.ts";

/** How long connections stay open. Bun counts in steps of 4 s, so nothing here is closer than that. */

const head = "Host: localhost\r\nContent-Type: application/json\r\n";
const get = `GET /collab/state/tasks HTTP/1.1\r\n${head}\r\n`;
const slow = `POST /auth/login HTTP/1.1\r\n${head}Content-Length: 9000\r\n\r\n`;
const lease = `{"worker":"w","wait_seconds":12}`;
const wait = `POST /jobs/lease HTTP/1.1\r\n${head}X-API-Key: ${testApiKey}\r\nContent-Length: ${lease.length}\r\n\r\n${lease}`;

/** A connection that has had a response before. */
async function used(url: string): Promise<RawConnection> {
	const connection = await connectRaw(url);
	connection.send(get);
	await connection.until('"kind":"tasks"}');
	return connection;
}

/** The milliseconds from the last request on until the server closes the connection. */
async function untilClosed(connection: RawConnection, request: string, step = ""): Promise<number> {
	const startedAt = performance.now();
	connection.send(request);
	const timer = setInterval(() => connection.send(step), 100);
	await connection.closed;
	clearInterval(timer);
	return performance.now() - startedAt;
}

async function longIdle(databaseUrl: string): Promise<void> {
	const server = await startServer(
		{ DATABASE_URL: databaseUrl, IDLE_TIMEOUT_SECONDS: "16" },
		{ requestSecondsMax: 4 },
	);
	const [idle, head, trickled, silent] = await Promise.all([
		untilClosed(await used(server.url), get),
		untilClosed(await used(server.url), get.replace("GET", "HEAD")),
		untilClosed(await used(server.url), slow, " "),
		untilClosed(await used(server.url), slow),
	]);
	for (const between of [idle, head]) {
		expect(between).toBeGreaterThan(11_000);
		expect(trickled).toBeLessThan(between - 2000);
		expect(silent).toBeLessThan(between - 2000);
	}
}

async function shortIdle(databaseUrl: string): Promise<void> {
	const server = await startServer({
		DATABASE_URL: databaseUrl,
		IDLE_TIMEOUT_SECONDS: "5",
		SSE_KEEPALIVE_SECONDS: "60",
	});
	const stream = await used(server.url);
	const tail = `GET /events/tail HTTP/1.1\r\n${head}\r\n`;
	stream.send(tail);
	let isStreaming = true;
	void stream.closed.then(() => {
		isStreaming = false;
	});
	const waiting = await used(server.url);
	const startedAt = performance.now();
	waiting.send(wait);
	const peeked = untilClosed(await used(server.url), tail.replace("GET", "HEAD"));
	await waiting.until('{"items":[],"kind":"jobs"}');
	expect(performance.now() - startedAt).toBeGreaterThan(11_500);
	expect(stream.received()).toContain("text/event-stream");
	expect(isStreaming).toBe(true);
	const idleFrom = performance.now();
	await waiting.closed;
	expect(performance.now() - idleFrom).toBeLessThan(20_000);
	expect(await peeked).toBeLessThan(30_000);
	stream.end();
}

test("between requests a connection stays open for IDLE_TIMEOUT_SECONDS, and a slow request no longer than before; streams and jobs' waits as long as they last", async () => {
	await Promise.all(
		durableDatabases.flatMap(({ newUrl }) => [newUrl().then(longIdle), newUrl().then(shortIdle)]),
	);
}, 60_000);
