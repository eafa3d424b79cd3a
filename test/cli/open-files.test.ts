import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { streamsWithin } from "../../src/kernel/open-files.ts";
import { durableDatabases } from "../support/databases.ts";
import { fromSource, startProcess } from "../support/process.ts";

// Whole processes are started.
setDefaultTimeout(60_000);

test("of what may be open, half and no more than a thousand are kept for everything else", () => {
	expect([1, 2, 128, 1024, 2000, 20_000].map(streamsWithin)).toEqual([1, 1, 64, 512, 1000, 19_000]);
});

/** Opens a stream, and keeps the connection; the start of the answer. */
async function openStream(url: string) {
	const { hostname, port } = new URL(url);
	const socket = connect(Number(port), hostname);
	const answered = Promise.withResolvers<string>();
	socket.once("data", (bytes) => answered.resolve(String(bytes)));
	socket.on("error", answered.reject);
	socket.write("GET /events/tail HTTP/1.1\r\nHost: localhost\r\n\r\n");
	return { socket, head: await answered.promise };
}

/** The processor time that a process has used, in milliseconds. */
function usedMs(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
	return (Number(fields[11]) + Number(fields[12])) * 10;
}

for (const { name, newUrl } of durableDatabases) {
	test.if(process.platform === "linux")(
		`at 128 open files and 130 streams a server on ${name} answers, says why, and does not spin`,
		async () => {
			const command = ["sh", "-c", 'ulimit -n 128; exec "$0" "$@"', ...fromSource];
			const server = await startProcess(command, { DATABASE_URL: await newUrl() });
			expect(server.output()).toMatch(
				/"level":40.*"streams_max":64,"msg":"EVENTS_STREAMS_MAX is 10000, and held at 64/,
			);
			const streams = await Promise.all(Array.from({ length: 130 }, () => openStream(server.url)));
			const refused = streams.filter(({ head }) => head.startsWith("HTTP/1.1 503 "));
			const served = streams.filter(({ head }) => head.startsWith("HTTP/1.1 200 "));
			expect(served.length + refused.length).toBe(130);
			// While all of them arrive at once, Postgres may be out of reach for some.
			expect(served.length).toBeWithin(name === "Postgres" ? 1 : 64, 65);
			for (const { head } of refused) {
				expect(head).toMatch(/^retry-after: [15]\r$/im);
				// Kept alive, they would take all that may be open.
				expect(head).toMatch(/^connection: close\r$/im);
				expect(head).toContain('"type":"unavailable"');
			}
			const before = usedMs(server.pid);
			await Bun.sleep(1000);
			expect(usedMs(server.pid) - before).toBeLessThan(400);
			expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
			for (const { socket } of streams) socket.destroy();
			await server.end("SIGTERM");
		},
	);
}

test("a server that may open enough says nothing", async () => {
	const env = { DATABASE_URL: "sqlite://:memory:", EVENTS_STREAMS_MAX: "10" };
	const server = await startProcess(fromSource, env);
	await server.end("SIGTERM");
	expect(server.output()).not.toContain("EVENTS_STREAMS_MAX");
});
