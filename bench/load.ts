import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One request of a load. The values are ASCII. */
export interface LoadRequest {
	readonly method: "GET" | "POST" | "PATCH";
	readonly path: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** Sent as JSON. */
	readonly body?: unknown;
}

export interface Load {
	readonly url: string;
	/** Sent in turn, from the first again after the last. */
	readonly requests: readonly LoadRequest[];
	readonly connections: number;
	readonly seconds: number;
	/** Each connection waits so long before each request. */
	readonly delayMs?: number;
}

export interface LoadResult {
	readonly perSecond: number;
	readonly requests: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
	/** Answers from 400 up. */
	readonly refused: number;
	/** The processor time that wrk took, as a share of one core. */
	readonly generatorShare: number;
}

/** Throws, with how to get it, where wrk is missing. */
export function requireWrk(): void {
	if (Bun.which("wrk") !== null) return;
	throw new Error(
		"wrk, the load generator, is missing: `apt-get install wrk` on Debian and Ubuntu, `brew install wrk` on macOS.",
	);
}

/** Sends a load from one thread of wrk. Throws where a connection broke or an answer did not come. */
export async function load({ url, requests, connections, seconds, delayMs }: Load): Promise<LoadResult> {
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-load-"));
	try {
		const file = join(folder, "requests");
		writeFileSync(file, requests.map((request) => message(url, request)).join("\0"));
		const options = [`-t1`, `-c${connections}`, `-d${seconds}s`, "--timeout", "30s"];
		const child = Bun.spawn(["wrk", ...options, "-s", join(import.meta.dir, "load.lua"), url], {
			env: { LOAD_REQUESTS: file, ...(delayMs !== undefined && { LOAD_DELAY_MS: String(delayMs) }) },
			stdout: "pipe",
			stderr: "pipe",
		});
		const [printed, complaints] = await Promise.all([child.stdout.text(), child.stderr.text()]);
		await child.exited;
		return result(printed, complaints, Number(child.resourceUsage()?.cpuTime.total ?? 0));
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/**
 * Resolves when a server has answered one more request: what a load left behind it is worked off by then, where the
 * server takes things in order, and weighs on no later measurement.
 */
export async function workedOff(url: string, { method, path, headers, body }: LoadRequest): Promise<void> {
	const response = await fetch(url + path, {
		method,
		headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	await response.bytes();
}

function message(url: string, { method, path, headers = {}, body }: LoadRequest): string {
	const text = body === undefined ? "" : JSON.stringify(body);
	const all: Readonly<Record<string, string>> = {
		host: new URL(url).host,
		...(body !== undefined && {
			"content-type": "application/json",
			"content-length": String(text.length),
		}),
		...headers,
	};
	const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
	return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${text}`;
}

function result(printed: string, complaints: string, cpuMicros: number): LoadResult {
	const line = /^LOAD (.*)$/m.exec(printed)?.[1];
	if (line === undefined) throw new Error(`wrk said nothing of its load:\n${printed}${complaints}`);
	const { requests, seconds, p50Ms, p99Ms, refused, broken } = JSON.parse(line) as Record<Figure, number>;
	if (broken > 0) throw new Error(`${broken} connections broke or timed out:\n${printed}`);
	const generatorShare = cpuMicros / 1e6 / seconds;
	return { perSecond: requests / seconds, requests, p50Ms, p99Ms, refused, generatorShare };
}

type Figure = "requests" | "seconds" | "p50Ms" | "p99Ms" | "refused" | "broken";
