import { Database } from "bun:sqlite";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer, Wish } from "./events-clients.ts";

/**
 * The tail against a bare Bun server that has the same bytes in memory and writes them to the same clients: deliveries
 * a second, time from a request to its event, memory of an idle client. Server and clients have a process each; runs
 * alternate, so that a noisy machine is noisy to both.
 */
export interface EventFigures {
	/** Events received a second by all clients together, from the first to the last of a burst. */
	readonly deliveries: readonly { readonly clients: number; readonly ours: number; readonly bare: number }[];
	/**
	 * The receipt of an event, at `perSecond`, in milliseconds since its request was sent (no less than since its commit)
	 * and, in `sinceAnswer`, since that request's answer came, which the commit precedes (0 where the event came first).
	 */
	readonly latency: {
		readonly perSecond: number;
		readonly ours: Latency;
		readonly bare: Latency;
		readonly sinceAnswer: { readonly ours: Latency; readonly bare: Latency };
	};
	/** KiB that an idle client adds to the server's resident memory. */
	readonly idleKiB: { readonly clients: number; readonly ours: number; readonly bare: number };
}

interface Latency {
	readonly medianMs: number;
	readonly p99Ms: number;
}

const runs = 5;
const bursts = [
	{ clients: 1, events: 20_000 },
	{ clients: 100, events: 2000 },
	{ clients: 1000, events: 500 },
];
const pace = { perSecond: 1000, seconds: 4 };
const idleClients = 2000;

export async function measureEvents(): Promise<EventFigures> {
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-bench-"));
	const [ours, bare, clients] = [await startOurs(folder), await startBare(), startClients()];
	try {
		const deliveries = [];
		for (const { clients: count, events } of bursts) {
			const samples: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
			for (let run = 0; run < runs; run++) {
				samples.ours.push(await burst(clients, ours, count, events));
				samples.bare.push(await burst(clients, bare, count, events));
			}
			deliveries.push({ clients: count, ours: median(samples.ours), bare: median(samples.bare) });
		}
		const [oursTook, bareTook] = [await paced(clients, ours), await paced(clients, bare)];
		const latency = {
			perSecond: pace.perSecond,
			ours: latencyOf(oursTook.sinceRequest),
			bare: latencyOf(bareTook.sinceRequest),
			sinceAnswer: { ours: latencyOf(oursTook.sinceAnswer), bare: latencyOf(bareTook.sinceAnswer) },
		};
		return { deliveries, latency, idleKiB: await idle(clients, ours) };
	} finally {
		for (const { process } of [ours, bare, clients]) process.kill("SIGKILL");
		rmSync(folder, { recursive: true, force: true });
	}
}

interface Server {
	readonly process: Bun.Subprocess;
	readonly url: string;
	readonly authorization: string;
	readonly env: Record<string, string>;
	/** Makes so many events at once. */
	produce(events: number): Promise<void>;
}

async function startOurs(folder: string): Promise<Server> {
	const path = join(folder, `${crypto.randomUUID()}.db`);
	const user = { email: "bench@example.com", password: "bench password" };
	const env = {
		DATABASE_URL: `sqlite:///${path}`,
		RATE_LIMIT: "off",
		LOGIN_RATE_LIMIT: "off",
		USER_RATE_LIMIT: "off",
		LOG_LEVEL: "error",
	};
	const { process, url } = await start("src/main.ts", {
		...env,
		DEV_USER_EMAIL: user.email,
		DEV_USER_PASSWORD: user.password,
	});
	const token = await logIn(url, user);
	const database = new Database(path);
	database.run("PRAGMA busy_timeout = 5000");
	database.run("PRAGMA synchronous = NORMAL");
	return {
		process,
		url,
		authorization: `Bearer ${token}`,
		env,
		// Another process commits them, so that nothing but the delivery is on the server's account.
		produce: async (events) => append(database, events),
	};
}

/** The server listens before its first user is made: the first try may come too early. */
async function logIn(url: string, user: object): Promise<string> {
	for (;;) {
		const response = await fetch(`${url}/auth/login`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(user),
		});
		const { access_token: token } = (await response.json()) as { readonly access_token?: string };
		if (token !== undefined) return token;
		await Bun.sleep(50);
	}
}

const append = (database: Database, events: number) =>
	database.transaction(() => {
		const before = database.query<{ rev: number }, []>("SELECT rev FROM log_head").get()?.rev ?? 0;
		const insert = database.query(
			"INSERT INTO events (id, type, subject, data, request_id, time, actor) VALUES (?, 'task.created', ?, ?, ?, ?, ?)",
		);
		for (let id = before + 1; id <= before + events; id++) {
			insert.run(id, `/collab/tasks/${task}`, data(id), crypto.randomUUID(), Date.now(), actor);
		}
		database.run("UPDATE log_head SET rev = ?", [before + events]);
	})();

const task = "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77";
const actor = "user/019ab2f0-11aa-7cc3-8d21-3f4b5a6c7d8e";

function data(id: number): string {
	return `{"description":"","id":"${task}","title":"An event of the benchmark, number ${id}","version":1}`;
}

async function startBare(): Promise<Server> {
	const { process, url } = await start("bench/events-bare.ts", {});
	return {
		process,
		url,
		authorization: "",
		env: {},
		async produce(events) {
			const body = Array.from({ length: events }, (_, index) => frame(index + 1)).join("");
			await fetch(`${url}/broadcast`, { method: "POST", body });
		},
	};
}

/** As many bytes as the service's own frames. */
function frame(id: number): string {
	const requestId = "7f9c24e5-2f0e-4f43-8a0e-3d0a4b7f8f11";
	return `id: ${id}\nevent: task.created\ndata: {"actor":"${actor}","data":${data(id)},"datacontenttype":"application/json","id":"${id}","requestid":"${requestId}","source":"/orchestrator","specversion":"1.0","subject":"/collab/tasks/${task}","time":"2026-11-23T08:15:00.000Z","type":"task.created"}\n\n`;
}

async function start(script: string, env: Record<string, string>) {
	const port = freePort();
	const child = Bun.spawn([process.execPath, script], {
		cwd: join(import.meta.dir, ".."),
		env: { PATH: Bun.env.PATH ?? "", PORT: String(port), LOG_FORMAT: "json", ...env },
		stdout: "ignore",
		stderr: "inherit",
	});
	const url = `http://127.0.0.1:${port}`;
	for (let isUp = false; !isUp; ) {
		isUp = await fetch(`${url}/healthz`).then(
			() => true,
			() => Bun.sleep(20).then(() => false),
		);
	}
	return { process: child, url };
}

function freePort(): number {
	const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
	const { port } = probe;
	probe.stop(true);
	return port;
}

interface Clients {
	readonly process: Bun.Subprocess;
	ask(wish: Wish): Promise<Answer>;
}

function startClients(): Clients {
	let answer = Promise.withResolvers<Answer>();
	const child = Bun.spawn([process.execPath, join(import.meta.dir, "events-clients.ts")], {
		stdout: "inherit",
		stderr: "inherit",
		ipc: (message: Answer) => answer.resolve(message),
	});
	return {
		process: child,
		ask(wish) {
			answer = Promise.withResolvers();
			child.send(wish);
			return answer.promise;
		},
	};
}

/** Deliveries a second of one burst. */
async function burst(clients: Clients, server: Server, count: number, events: number): Promise<number> {
	await clients.ask({ wish: "open", url: server.url, clients: count });
	const reached = clients.ask({ wish: "expect", events });
	await server.produce(events);
	const [milliseconds = 0] = await reached;
	await clients.ask({ wish: "close" });
	await Bun.sleep(100);
	return Math.round((count * events * 1000) / milliseconds);
}

async function paced(clients: Clients, { url, authorization }: Server) {
	await clients.ask({ wish: "pace", url, authorization, perSecond: pace.perSecond, seconds: 1 }); // warms up
	const taken = await clients.ask({ wish: "pace", url, authorization, ...pace });
	const half = taken.length / 2;
	return { sinceRequest: taken.slice(0, half), sinceAnswer: taken.slice(half) };
}

function latencyOf(samples: readonly number[]): Latency {
	const sorted = [...samples].sort((one, other) => one - other);
	return { medianMs: rounded(at(sorted, 0.5)), p99Ms: rounded(at(sorted, 0.99)) };
}

/** Servers of their own, since what a burst has left in the memory would blur the figure. */
async function idle(clients: Clients, ours: Server): Promise<EventFigures["idleKiB"]> {
	const kibibytes = async (script: string, env: Record<string, string>) => {
		const server = await start(script, env);
		await clients.ask({ wish: "open", url: server.url, clients: 200 }); // code and first buffers
		await Bun.sleep(1000);
		const before = residentKiB(server.process.pid);
		await clients.ask({ wish: "open", url: server.url, clients: idleClients });
		await Bun.sleep(1000);
		const after = residentKiB(server.process.pid);
		await clients.ask({ wish: "close" });
		server.process.kill("SIGKILL");
		return rounded((after - before) / idleClients);
	};
	return {
		clients: idleClients,
		// The database has its user already: no password is hashed, which would take and give back 64 MiB.
		ours: await kibibytes("src/main.ts", ours.env),
		bare: await kibibytes("bench/events-bare.ts", {}),
	};
}

function residentKiB(pid: number): number {
	return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

function median(samples: readonly number[]): number {
	return at(
		[...samples].sort((a, b) => a - b),
		0.5,
	);
}

function at(sorted: readonly number[], share: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function rounded(value: number): number {
	return Math.round(value * 100) / 100;
}

if (import.meta.main) console.log(JSON.stringify(await measureEvents(), null, "\t"));
