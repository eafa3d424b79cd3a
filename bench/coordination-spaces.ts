import { runSql } from "../test/support/sql.ts";
import { megabytes } from "./alternate.ts";
import { ask, below, type Client, type Figure, type Setting } from "./coordination-client.ts";

const restMs = 5000;
const sign = Buffer.from("\nevent: task.created\n");

/** A thousand spaces with a write and a stream each, of one space with as many of both. */
export async function measureSpaces({ start, tasks }: Setting): Promise<readonly Figure[]> {
	const count = Math.min(1000, tasks);
	const memory: number[] = [];
	for (const spaces of [1, count]) {
		const client = await start(0);
		await addSpaces(client, spaces);
		memory.push(await memoryOf(client, spaces, count));
	}
	const [one = 0, many = 0] = memory;
	const note = `${many.toFixed(1)} and ${one.toFixed(1)} MB after ${restMs / 1000} s of rest`;
	const name = `memory of ${count} spaces with a write and a stream each, over one space's with as many`;
	return [below(name, many - one, 50, "MB", note)];
}

/** Spaces of the only user. He may make no more than 100 himself. */
async function addSpaces(client: Client, count: number): Promise<void> {
	const values = (row: (id: number) => string) =>
		Array.from({ length: count }, (_, n) => row(n + 2)).join(", ");
	await runSql(
		client.databaseUrl,
		`INSERT INTO spaces (id, name, title, version, rev, created_at) VALUES ${values((id) => `(${id}, 's${id}', '', 1, 0, 1700000000000)`)}`,
	);
	const [user] = await runSql(client.databaseUrl, "SELECT id FROM users");
	await runSql(
		client.databaseUrl,
		`INSERT INTO members (space, user_id, role) VALUES ${values((id) => `(${id}, '${user?.id}', 'owner')`)}`,
	);
}

async function memoryOf(client: Client, spaces: number, count: number): Promise<number> {
	const space = (n: number) => `/spaces/s${2 + (n % spaces)}`;
	let received = 0;
	const { promise: all, resolve } = Promise.withResolvers<void>();
	const expected = count * (count / spaces);
	const streams = await Promise.all(
		Array.from({ length: count }, (_, n) =>
			openStream(client, space(n), () => {
				if (++received === expected) resolve();
			}),
		),
	);
	for (let n = 0; n < count; n += 10) {
		const ten = Array.from({ length: Math.min(10, count - n) }, (_, index) => space(n + index));
		await Promise.all(
			ten.map((each) => ask(client, "POST", `${each}/collab/tasks`, { title: "Heard by a stream" })),
		);
	}
	await all;
	await Bun.sleep(restMs);
	const found = megabytes(client);
	for (const stream of streams) stream.end();
	return found;
}

/** Resolves when the stream has begun. */
async function openStream({ url, authorization }: Client, space: string, heard: () => void) {
	const opened = Promise.withResolvers<void>();
	const { hostname, port } = new URL(url);
	let rest = Buffer.alloc(0);
	const socket = await Bun.connect({
		hostname,
		port: Number(port),
		socket: {
			data(_, bytes) {
				const seen = Buffer.concat([rest, bytes]);
				if (seen.includes("retry: ")) opened.resolve();
				for (let at = seen.indexOf(sign); at !== -1; at = seen.indexOf(sign, at + sign.length)) heard();
				// A sign may be cut in two; what is kept is too short to hold a whole one.
				rest = Buffer.from(seen.subarray(-(sign.length - 1)));
			},
			close: () => opened.reject(new Error(`${space}: the stream ended`)),
		},
	});
	socket.write(`GET ${space}/events/tail HTTP/1.1\r\nHost: bench\r\nAuthorization: ${authorization}\r\n\r\n`);
	await opened.promise;
	return socket;
}
