import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import { freePort } from "./ports.ts";
import { skipped } from "./skips.ts";
import { onEnd } from "./teardown.ts";

/** A Redis that a test may stop and start again. */
export interface RedisServer {
	readonly url: string;
	start(): Promise<void>;
	stop(): Promise<void>;
	/** Stops the process without ending it: it accepts and does not answer. */
	freeze(): void;
	thaw(): void;
}

/** A throw-away `redis-server` of this machine; undefined, and noted as skipped, if there is none. */
export async function startRedis(): Promise<RedisServer | undefined> {
	const program = Bun.which("redis-server");
	if (program === null) return skipped("Redis", "install the package redis-server, or set TEST_REDIS_URL");
	const folder = await mkdtemp(join(tmpdir(), "orchestrator-redis-"));
	const port = freePort();
	const url = `redis://127.0.0.1:${port}`;
	let process: Bun.Subprocess | undefined;
	const server: RedisServer = {
		url,
		async start() {
			const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
			process = Bun.spawn([program, ...options], { stdout: "ignore", stderr: "ignore" });
			await answers(url);
		},
		async stop() {
			process?.kill("SIGKILL");
			await process?.exited;
		},
		freeze: () => process?.kill("SIGSTOP"),
		thaw: () => process?.kill("SIGCONT"),
	};
	onEnd(async () => {
		await server.stop();
		await rm(folder, { recursive: true, force: true });
	});
	await server.start();
	return server;
}

let shared: Promise<string | undefined> | undefined;

/** The URL of a Redis for counting: `TEST_REDIS_URL`, or one started for this process. */
export function redisUrl(): Promise<string | undefined> {
	shared ??= Bun.env.TEST_REDIS_URL
		? Promise.resolve(Bun.env.TEST_REDIS_URL)
		: startRedis().then((server) => server?.url);
	return shared;
}

async function answers(url: string): Promise<void> {
	for (let attempt = 0; attempt < 200; attempt++) {
		const client = new RedisClient(url, { maxRetries: 0, connectionTimeout: 200 });
		try {
			await client.send("PING", []);
			return;
		} catch {
			await Bun.sleep(20);
		} finally {
			client.close();
		}
	}
	throw new Error(`no Redis at ${url}`);
}
