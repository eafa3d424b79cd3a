import { describe, expect, test } from "bun:test";
import { durableDatabases } from "../support/databases.ts";
import { type Delivered, openTail, type Tail } from "../support/events.ts";
import { fromSource, startProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { logIn, testEmail, testPassword } from "../support/users.ts";

/**
 * Writers create, patch and delete; readers list, tail, disconnect at random and resume, at any server that runs.
 * Every reader checks each event against its state: a gap, a repeat or a change of order is detected, because numbers
 * follow one another without a gap, and so do a task's versions.
 */

interface Task {
	readonly id: string;
	readonly title: string;
	readonly version: number;
}

/** Servers of one database. A writer or reader uses any; if that one is dead, it uses another. */
interface Servers {
	readonly urls: string[];
	readonly authorization: string;
}

const writers = 4;
const stepsPerWriter = 60;
const readers = 6;
const lastTitle = "nothing comes after this";

/** Mulberry32: the seed of a failed run can be used again. */
function randomFrom(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
	};
}

const seed = Number(Bun.env.TEST_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

async function write(servers: Servers, random: (below: number) => number, steps: number): Promise<void> {
	const mine = new Map<string, string>();
	for (let step = 0; step < steps; step++) {
		const url = servers.urls[random(servers.urls.length)] ?? "";
		const [id, etag] = [...mine][random(mine.size + 1)] ?? [];
		const kind = id === undefined ? "POST" : random(3) > 0 ? "PATCH" : "DELETE";
		const sent = fetch(`${url}/collab/tasks${id ? `/${id}` : ""}`, {
			method: kind,
			headers: {
				authorization: servers.authorization,
				"content-type": "application/json",
				...(etag && { "if-match": etag }),
			},
			...(kind !== "DELETE" && { body: JSON.stringify({ title: `${step}`.repeat(1 + random(40)) }) }),
		});
		const answer = sent.then(async (response) => ({ response, text: await response.text() }));
		const { response, text } = (await unlessDead(servers, url, answer)) ?? {};
		if (response === undefined || text === undefined) continue;
		// A change whose response was lost with its server may have been committed: then the ETag is an old one.
		if (id !== undefined && [204, 404, 412].includes(response.status)) mine.delete(id);
		else if (response.status !== 200) throw new Error(`${kind} answered ${response.status}: ${text}`);
		else mine.set((JSON.parse(text) as Task).id, response.headers.get("etag") ?? "");
	}
}

/** The state of one reader: the tasks, and the number of the last event applied. */
class Mirror {
	readonly tasks = new Map<string, Task>();
	last = 0;
	isComplete = false;

	async list(url: string): Promise<void> {
		const response = await fetch(`${url}/collab/state/tasks?limit=1000`);
		const { items } = (await response.json()) as { readonly items: readonly Task[] };
		for (const task of items) this.tasks.set(task.id, task);
		this.last = Number(response.headers.get("x-event-id"));
		this.isComplete = items.some(({ title }) => title === lastTitle);
	}

	apply({ id, type, event: { data } }: Delivered): void {
		expect(id).toBe(this.last + 1);
		this.last = id;
		const before = this.tasks.get(data.id);
		expect([type, data.version, before?.version]).toEqual(
			type === "task.created"
				? [type, 1, undefined]
				: [type, type === "task.updated" ? (before?.version ?? 0) + 1 : before?.version, expect.any(Number)],
		);
		if (type === "task.deleted") this.tasks.delete(data.id);
		else this.tasks.set(data.id, data);
		this.isComplete ||= data.title === lastTitle;
	}
}

async function read(servers: Servers, random: (below: number) => number): Promise<Mirror> {
	const mirror = new Mirror();
	await mirror.list(servers.urls[0] ?? "");
	while (!mirror.isComplete) {
		const url = servers.urls[random(servers.urls.length)] ?? "";
		const tail = await unlessDead(servers, url, resume(url, mirror.last, random(2) === 0));
		for (let left = 1 + random(60); left > 0 && !mirror.isComplete; left--) {
			const delivered = await unlessDead(servers, url, tail?.next());
			if (delivered === undefined) break;
			mirror.apply(delivered);
		}
		tail?.close();
	}
	return mirror;
}

/** Undefined if the server at the URL is the one that was killed. */
async function unlessDead<T>(servers: Servers, url: string, answer: Promise<T> | undefined) {
	try {
		return await answer;
	} catch (error) {
		if (servers.urls.includes(url)) throw error;
		return undefined;
	}
}

function resume(url: string, last: number, byHeader: boolean): Promise<Tail> {
	return byHeader
		? openTail(url, "", { "last-event-id": String(last) })
		: openTail(url, `?last_event_id=${last}`);
}

async function run(servers: Servers, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
	console.log(`TEST_SEED=${seed}`);
	const reading = Array.from({ length: readers }, (_, index) => read(servers, randomFrom(seed + index)));
	const writing = Array.from({ length: writers }, (_, index) =>
		write(servers, randomFrom(seed - 1 - index), stepsPerWriter),
	);
	await Promise.all([...writing, meanwhile()]);
	const [url = ""] = servers.urls;
	await fetch(`${url}/collab/tasks`, {
		method: "POST",
		headers: { authorization: servers.authorization, "content-type": "application/json" },
		body: JSON.stringify({ title: lastTitle }),
	});
	const truth = new Mirror();
	await truth.list(url);
	for (const mirror of await Promise.all(reading)) {
		expect(mirror.last).toBe(truth.last);
		expect(sorted(mirror)).toEqual(sorted(truth));
	}
}

function sorted({ tasks }: Mirror): readonly Task[] {
	return [...tasks.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
}

for (const { name, newUrl } of durableDatabases) {
	test(`${name}: every reader ends with exactly the final state`, async () => {
		const { url, bearer } = await startServer({ DATABASE_URL: await newUrl() });
		await run({ urls: [url], authorization: bearer });
	});

	describe(`${name} with two processes`, () => {
		test("every reader does the same when one process is killed meanwhile", async () => {
			const env = {
				DATABASE_URL: await newUrl(),
				DEV_USER_EMAIL: testEmail,
				DEV_USER_PASSWORD: testPassword,
				LOG_LEVEL: "error",
			};
			const stays = await startProcess(fromSource, env);
			const dies = await startProcess(fromSource, env);
			const servers = { urls: [stays.url, dies.url], authorization: await logIn(stays.url) };
			await run(servers, async () => {
				// When about half of the events are there.
				const tail = await openTail(stays.url, "?last_event_id=0");
				await tail.take((writers * stepsPerWriter) / 2);
				tail.close();
				servers.urls.pop();
				await dies.end("SIGKILL");
			});
			await stays.end("SIGTERM");
		});
	});
}
