import { describe, expect, test } from "bun:test";
import { ask } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { connectRaw } from "../support/raw.ts";
import { startServer } from "../support/server.ts";

/**
 * Bun closes a connection on which a request comes while the response to the one before is pending, and nothing that a
 * handler can do prevents it (https://github.com/oven-sh/bun/pull/38128). These tests hold what docs/guarantees.md says.
 */
const mended =
	"Bun answers pipelined requests now: drop this test, and the line about them in docs/guarantees.md under 'What is not guaranteed'.";

const list = "GET /collab/state/tasks HTTP/1.1\r\nHost: localhost\r\n\r\n";

for (const { name, newUrl } of everyDatabase) {
	describe(name, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const headers = (title: string) => ({
			authorization: server.bearer,
			"idempotency-key": title.replaceAll(" ", "-"),
		});

		function create(title: string, more = ""): string {
			const body = JSON.stringify({ title });
			const lines = Object.entries({ ...headers(title), "content-type": "application/json" });
			const head = lines.map(([header, value]) => `${header}: ${value}\r\n`).join("");
			return `POST /collab/tasks HTTP/1.1\r\nHost: localhost\r\n${head}${more}Content-Length: ${body.length}\r\n\r\n${body}`;
		}

		async function titles(): Promise<readonly string[]> {
			const { json } = await ask(server, "GET /collab/state/tasks");
			return (json as { items: { title: string }[] }).items.map(({ title }) => title);
		}

		test("a request that comes before the response to a change closes the connection: the change is made and can be repeated, what came behind it is not looked at", async () => {
			for (const [title, behind] of [
				["before a change", create("never")],
				["before a read", list],
			] as const) {
				const connection = await connectRaw(server.url);
				connection.send(create(title) + behind);
				await Promise.race([connection.closed, connection.until("HTTP/1.1 200").catch(() => {})]);
				expect(connection.received(), mended).toBe("");
				const again = await ask(server, "POST /collab/tasks", { headers: headers(title), body: { title } });
				expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
			}
			expect(await titles()).not.toContain("never");
		});

		test("requests that wait for the response to the one before are all answered on one connection", async () => {
			const connection = await connectRaw(server.url);
			for (const title of ["first", "second"]) {
				connection.send(create(title));
				await connection.until(`"title":"${title}"`);
			}
			connection.send(list);
			await connection.until('"kind":"tasks"');
			expect(connection.received().match(/HTTP\/1\.1 200/g)).toHaveLength(3);
			connection.end();
		});

		test("a request with Connection: close is answered, whatever comes behind it", async () => {
			const connection = await connectRaw(server.url);
			connection.send(create("closes", "Connection: close\r\n") + create("never"));
			await connection.closed;
			expect(connection.received().match(/HTTP\/1\.1 200/g)).toHaveLength(1);
			expect(connection.received()).toContain('"title":"closes"');
			expect(await titles()).not.toContain("never");
		});
	});
}

test("reads of a database that answers at once are answered, however they are sent", async () => {
	const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
	const connection = await connectRaw(server.url);
	connection.send(list.repeat(3) + list.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
	await connection.closed;
	expect(connection.received().match(/HTTP\/1\.1 200/g)).toHaveLength(4);
});
