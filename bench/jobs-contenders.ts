import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../test/support/ports.ts";
import { fromSource, startProcess } from "../test/support/process.ts";
import { onEnd } from "../test/support/teardown.ts";
import type { LoadRequest } from "./load.ts";

/** A queue that is reached over HTTP. */
export interface HttpQueue {
	readonly name: string;
	readonly url: string;
	/** Enqueues one job, and a thousand. */
	readonly one: LoadRequest;
	readonly thousand: LoadRequest;
	enqueue(): Promise<void>;
	/** Takes a job, waiting a second for one at most; the answer completes it. */
	take(): Promise<(() => Promise<void>) | undefined>;
}

const key = { "x-api-key": "benchmark-key-0123456789" };
const payload = { to: "ada@example.com" };

async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<unknown> {
	const response = await fetch(url, {
		method: "POST",
		headers: { "content-type": "application/json", ...headers },
		body: JSON.stringify(body),
	});
	if (response.status >= 400) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
	return response.json();
}

export async function startOurs(name: string, databaseUrl: string): Promise<HttpQueue> {
	const { url } = await startProcess(fromSource, {
		DATABASE_URL: databaseUrl,
		API_KEYS: key["x-api-key"],
		LOG_LEVEL: "warn",
	});
	const job = { kind: "mail", payload };
	return {
		name,
		url,
		one: { method: "POST", path: "/jobs", headers: key, body: job },
		thousand: {
			method: "POST",
			path: "/jobs/batch",
			headers: key,
			body: { jobs: Array.from({ length: 1000 }, () => job) },
		},
		enqueue: async () => void (await post(`${url}/jobs`, job, key)),
		async take() {
			const leased = await post(`${url}/jobs/lease`, { worker: "bench", wait_seconds: 1 }, key);
			const [taken] = (leased as { items: { id: string; lease: { fence: number } }[] }).items;
			if (taken === undefined) return undefined;
			const { id, lease } = taken;
			return async () => void (await post(`${url}/jobs/${id}/complete`, { fence: lease.fence }, key));
		},
	};
}

/** With its `durable` option, which writes a job before it is answered (though not flushed to disk: NORMAL, not FULL). */
export async function startBunqueue(): Promise<HttpQueue> {
	const program = join(import.meta.dir, "node_modules/bunqueue/dist/main.js");
	if (!existsSync(program)) {
		const install = [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts"];
		await Bun.spawn(install, { cwd: import.meta.dir, stdout: "ignore", stderr: "ignore" }).exited;
	}
	const port = freePort();
	const child = Bun.spawn([process.execPath, program], {
		cwd: newFolder(),
		env: {
			PATH: Bun.env.PATH ?? "",
			HTTP_PORT: String(port),
			TCP_PORT: String(freePort()),
			HOST: "127.0.0.1",
			DATA_PATH: "./bunqueue.db",
			LOG_LEVEL: "error",
			// Its own limit, 10,000 requests a minute, out of the way.
			RATE_LIMIT_WINDOW_MS: "1",
			RATE_LIMIT_MAX_REQUESTS: "1000000",
		},
		stdout: "ignore",
		stderr: "ignore",
	});
	onEnd(() => child.kill("SIGKILL"));
	const url = `http://127.0.0.1:${port}`;
	while ((await fetch(`${url}/healthz`).catch(() => undefined)) === undefined) await Bun.sleep(20);
	const job = { name: "mail", data: payload, durable: true };
	const jobs = "/queues/default/jobs";
	return {
		name: "bunqueue",
		url,
		one: { method: "POST", path: jobs, body: job },
		thousand: {
			method: "POST",
			path: `${jobs}/bulk`,
			body: { jobs: Array.from({ length: 1000 }, () => job) },
		},
		enqueue: async () => void (await post(url + jobs, job)),
		async take() {
			const response = await fetch(`${url}${jobs}?timeout=1000`);
			const { job: taken } = (await response.json()) as { job?: { id: string } | null };
			if (!taken) return undefined;
			return async () => void (await post(`${url}/jobs/${taken.id}/ack`, {}));
		},
	};
}

export function newFolder(): string {
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-bench-"));
	onEnd(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

/** Jobs a second of a library that works on a Postgres database in its own process. */
export async function libraryRate(
	file: string,
	databaseUrl: string,
	jobs: number,
	workers: number,
): Promise<number> {
	const command = [process.execPath, join(import.meta.dir, file), databaseUrl, String(jobs), String(workers)];
	const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
	const [printed, complaints] = await Promise.all([child.stdout.text(), child.stderr.text()]);
	const rate = /^RATE (.+)$/m.exec(printed)?.[1];
	if (rate === undefined) throw new Error(`${file} said nothing of its rate:\n${printed}${complaints}`);
	return Number(rate);
}
