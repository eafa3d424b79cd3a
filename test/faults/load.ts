import { expect } from "bun:test";
import { binary } from "../support/binary.ts";
import { type ServerProcess, startProcess } from "../support/process.ts";
import { runSql } from "../support/sql.ts";
import { logIn, testEmail, testPassword } from "../support/users.ts";

/**
 * The fault suite, `bun run test:faults`: whole processes under load are killed, frozen and stopped, and each test ends
 * with `expectWhole`. A Redis that stops, freezes and comes back is in test/api/redis-limit; readers of the log while
 * one of two servers is killed are in test/api/events-property, workers in the same case in test/api/jobs-crowd;
 * migrations of one version from ten processes are in test/contracts/migrations.
 */

/** Starts a server. `wrapper`: the command that starts the executable, if any. */
export async function serve(databaseUrl: string, ...wrapper: readonly string[]): Promise<ServerProcess> {
	return startProcess([...wrapper, await binary()], {
		DATABASE_URL: databaseUrl,
		DEV_USER_EMAIL: testEmail,
		DEV_USER_PASSWORD: testPassword,
		LOG_LEVEL: "error",
	});
}

/** Whether a standby answers there. */
export async function isStandby(url: string): Promise<boolean> {
	const rows = await runSql(url, "SELECT pg_is_in_recovery() AS standby").catch(() => []);
	return rows[0]?.standby === true;
}

/** A task whose creation was acknowledged. */
interface Written {
	readonly id: string;
	readonly title: string;
	/** The outcome of the one change that was tried, if any. */
	change?: "acknowledged" | "unknown";
}

interface Task {
	readonly id: string;
	readonly title: string;
	readonly version: number;
}

interface Event {
	readonly id: string;
	readonly type: string;
	readonly data: Task;
}

/**
 * Writers that create tasks and change every third one, whatever happens to the server, and record the outcomes. A
 * creation that got 503, or whose response was lost, is retried under its Idempotency-Key until it is acknowledged.
 */
export class Load {
	readonly #written: Written[] = [];
	readonly #writers: Promise<void>[] = [];
	#isOver = false;
	/** Writes acknowledged so far. */
	acknowledged = 0;
	/** 503 responses so far. */
	refused = 0;
	/** Connections refused or lost so far. */
	lost = 0;

	private constructor(
		private url: string,
		private readonly authorization: string,
	) {}

	static async on(url: string, writers = 8): Promise<Load> {
		const load = new Load(url, await logIn(url));
		for (let writer = 0; writer < writers; writer++) load.#writers.push(load.#write(writer));
		return load;
	}

	/** Continues at another URL, that of a restarted server. */
	moveTo(url: string): void {
		this.url = url;
	}

	/** Resolves when so many more writes have been acknowledged. */
	more(count: number): Promise<void> {
		const enough = this.acknowledged + count;
		return this.until(() => this.acknowledged >= enough);
	}

	/** Resolves when the condition holds; rejects with the error of a writer that got an unexpected response. */
	async until(holds: () => boolean): Promise<void> {
		const failure = Promise.all(this.#writers);
		while (!holds()) await Promise.race([Bun.sleep(5), failure]);
	}

	/** Lets every writer finish its current write. */
	async end(): Promise<readonly Written[]> {
		this.#isOver = true;
		await Promise.all(this.#writers);
		return this.#written;
	}

	async #write(writer: number): Promise<void> {
		for (let n = 0; !this.#isOver; n++) {
			const title = `${writer}-${n}`;
			const { id, etag } = await this.#create(title);
			const written: Written = { id, title };
			this.#written.push(written);
			if (n % 3 !== 0) continue;
			written.change = "unknown";
			const changed = await this.#send(
				"PATCH",
				`/collab/tasks/${id}`,
				{ "if-match": etag },
				{ description: "new" },
			);
			if (changed !== undefined) written.change = "acknowledged";
		}
	}

	async #create(title: string): Promise<{ readonly id: string; readonly etag: string }> {
		for (;;) {
			const created = await this.#send("POST", "/collab/tasks", { "idempotency-key": title }, { title });
			if (created !== undefined) return created;
			await Bun.sleep(retryMs);
		}
	}

	/** Undefined if the server responded with 503 or the response was lost; any other failure is an error. */
	async #send(method: string, path: string, headers: Record<string, string>, body: object) {
		const answer = await this.#ask(method, path, headers, body).catch(() => undefined);
		if (answer === undefined) this.lost++;
		else if (answer.status === 503) this.refused++;
		else if (answer.status !== 200)
			throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
		else {
			this.acknowledged++;
			return { id: (JSON.parse(answer.text) as Task).id, etag: answer.etag };
		}
		return undefined;
	}

	async #ask(method: string, path: string, headers: Record<string, string>, body: object) {
		const { authorization } = this;
		const response = await fetch(this.url + path, {
			method,
			headers: { authorization, "content-type": "application/json", ...headers },
			body: JSON.stringify(body),
		});
		const { status, headers: answered } = response;
		return { status, text: await response.text(), etag: answered.get("etag") ?? "" };
	}
}

/** The pause between two attempts of one creation. */
const retryMs = 20;

/**
 * The final check of each test: the server is healthy by itself, every acknowledged write is there once, with one event,
 * the log has no gaps, and its events lead to exactly the current tasks.
 */
export async function expectWhole(url: string, load: Load): Promise<void> {
	while (!(await isHealthy(url))) await Bun.sleep(50);
	load.moveTo(url);
	const written = await load.end();
	const [tasks, events] = [await everyTask(url), await everyEvent(url)];
	expect(events.map(({ id }) => Number(id))).toEqual(events.map((_, index) => index + 1));
	expect(replay(events)).toEqual(tasks.map(shown).sort());
	const named = ({ id, title }: { id: string; title: string }) => `${id} ${title}`;
	expect(tasks.map(named).sort()).toEqual(written.map(named).sort());
	const kept = new Map(tasks.map(({ id, version }) => [id, version]));
	expect(written.filter(({ id, change }) => change === "acknowledged" && kept.get(id) !== 2)).toEqual([]);
}

/** Stops a server as an operator would. If the exit code is not 0, throws what it has printed. */
export async function expectEnd(server: ServerProcess): Promise<void> {
	const code = await server.end("SIGTERM");
	if (code === 0) return;
	const printed = server.output().split("\n");
	throw new Error(
		`ended with ${code}:\n${printed.filter((line) => !line.startsWith('{"level"')).join("\n")}`,
	);
}

export async function isHealthy(url: string): Promise<boolean> {
	return fetch(`${url}/healthz`).then(
		({ status }) => status === 200,
		() => false,
	);
}

const shown = ({ id, title, version }: Task) => `${id} ${title} ${version}`;

/** The tasks that result from the log. Throws for an event that is repeated or missing. */
function replay(events: readonly Event[]): readonly string[] {
	const tasks = new Map<string, Task>();
	for (const { type, data } of events) {
		const next = tasks.has(data.id) ? "task.updated 2" : "task.created 1";
		if (`${type} ${data.version}` !== next)
			throw new Error(`${type} ${data.version} where ${next} comes next`);
		tasks.set(data.id, data);
	}
	return [...tasks.values()].map(shown).sort();
}

async function everyTask(url: string): Promise<readonly Task[]> {
	const tasks: Task[] = [];
	for (let cursor: string | undefined = ""; cursor !== undefined; ) {
		const query: string = cursor && `&cursor=${cursor}`;
		const page = await json<{ items: readonly Task[]; next_cursor?: string }>(
			`${url}/collab/state/tasks?limit=1000${query}`,
		);
		tasks.push(...page.items);
		cursor = page.next_cursor;
	}
	return tasks;
}

async function everyEvent(url: string): Promise<readonly Event[]> {
	const events: Event[] = [];
	for (let after = -1, next = 0; after !== next; ) {
		after = next;
		const page = await json<{ items: readonly Event[]; next_after: number }>(
			`${url}/events?after=${after}&limit=1000`,
		);
		events.push(...page.items);
		next = page.next_after;
	}
	return events;
}

async function json<T>(url: string): Promise<T> {
	const response = await fetch(url);
	const text = await response.text();
	if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${text}`);
	return JSON.parse(text) as T;
}
