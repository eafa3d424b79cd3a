import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { newFolder } from "../support/databases.ts";
import { fromSource, type ServerProcess, startProcess } from "../support/process.ts";
import { onEnd } from "../support/teardown.ts";
import { logIn, testEmail, testPassword } from "../support/users.ts";

/** Each event has about 80 kB: 20,000 characters of four bytes. */
const description = "🦤".repeat(20_000);
const eventCount = 1300;
const MiB = 1024 * 1024;

/** Starts a server, lets `before` connect, then writes 100 MB of events. */
async function written(before: (server: ServerProcess) => Promise<void>): Promise<ServerProcess> {
	const server = await startProcess(fromSource, {
		DATABASE_URL: `sqlite:///${newFolder()}/test.db`,
		DEV_USER_EMAIL: testEmail,
		DEV_USER_PASSWORD: testPassword,
		LOG_LEVEL: "error",
	});
	const authorization = await logIn(server.url);
	await before(server);
	let index = 0;
	async function write(): Promise<void> {
		for (let title = index++; title < eventCount; title = index++) {
			const response = await fetch(`${server.url}/collab/tasks`, {
				method: "POST",
				headers: { authorization, "content-type": "application/json" },
				body: JSON.stringify({ title: String(title), description }),
			});
			expect(response.status).toBe(200);
			await response.arrayBuffer();
		}
	}
	await Promise.all([write(), write(), write(), write()]);
	return server;
}

/**
 * The memory of a process after garbage collection, in bytes: the least value seen, sampled for at least a second, and
 * until it is below `enough` or a collector has had enough time on a busy machine.
 */
async function memoryOf({ pid }: ServerProcess, enough = Number.POSITIVE_INFINITY): Promise<number> {
	let least = Number.POSITIVE_INFINITY;
	for (let count = 0; count < 10 || (least >= enough && count < 200); count++) {
		const status = await Bun.file(`/proc/${pid}/status`).text();
		least = Math.min(least, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024);
		await Bun.sleep(100);
	}
	return least;
}

/** Requests the whole log and reads nothing. */
async function stall({ url }: ServerProcess): Promise<Socket> {
	const { hostname, port } = new URL(url);
	const socket = connect({ host: hostname, port: Number(port) });
	onEnd(() => socket.destroy());
	socket.pause();
	await new Promise((resolve) => socket.once("connect", resolve));
	socket.write("GET /events/tail?last_event_id=0 HTTP/1.1\r\nHost: test\r\n\r\n");
	return socket;
}

/** Reads until all events are there; returns their numbers. */
async function idsOf(socket: Socket, count: number): Promise<readonly number[]> {
	const ids: number[] = [];
	for await (const chunk of chunksOf(socket)) {
		for (const [, id] of chunk.toString("latin1").matchAll(/^id: (\d+)\nevent: task\.created$/gm)) {
			ids.push(Number(id));
		}
		if (ids.length >= count) break;
	}
	return ids;
}

/** The chunks of an HTTP response (RFC 9112 §7.1); here each one consists of whole frames. */
async function* chunksOf(socket: Socket): AsyncGenerator<Buffer> {
	let pending = Buffer.alloc(0);
	let isInBody = false;
	for await (const bytes of socket) {
		pending = Buffer.concat([pending, bytes]);
		for (;;) {
			const lineEnd = pending.indexOf(isInBody ? "\r\n" : "\r\n\r\n");
			if (lineEnd === -1) break;
			const start = isInBody ? lineEnd + 2 : lineEnd + 4;
			const end = isInBody ? start + Number.parseInt(pending.toString("latin1", 0, lineEnd), 16) + 2 : start;
			if (pending.length < end) break;
			if (isInBody) yield pending.subarray(start, end - 2);
			isInBody = true;
			pending = pending.subarray(end);
		}
	}
}

test("a client that stops reading costs no memory, and reads every event when it continues", async () => {
	const alone = await written(async () => {});
	const memoryAlone = await memoryOf(alone);
	await alone.end("SIGKILL");

	let stalled: Socket | undefined;
	const server = await written(async (started) => {
		stalled = await stall(started);
	});
	const most = memoryAlone + 64 * MiB;
	expect(await memoryOf(server, most)).toBeLessThan(most);
	if (stalled === undefined) throw new Error("nobody stalled");
	expect(await idsOf(stalled, eventCount)).toEqual(
		Array.from({ length: eventCount }, (_, index) => index + 1),
	);
	await server.end("SIGTERM");
}, 90_000);
