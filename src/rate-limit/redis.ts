import { RedisClient } from "bun";
import type { Rate } from "../config.ts";
import type { Log } from "../kernel/log.ts";
import { withTimeout } from "../kernel/timeout.ts";
import type { Counter, WindowCount } from "./counter.ts";

/** Counts and reads the window in one step, so that no other replica comes in between. */
const script = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]); left = tonumber(ARGV[1]) end
return {count, left}`;

/** A limiter must not be slower than what it protects: after this, the local count decides. */
const replyMsMax = 250;
const retryAfterMs = 1000;

/** Windows in Redis, shared by all replicas; while it is out of reach, `local` counts and one log line says so. */
export class RedisCounter implements Counter {
	#client: RedisClient | undefined;
	#downSince: number | undefined;
	#stopped = false;

	constructor(
		private readonly url: string,
		private readonly local: Counter,
		private readonly log: Log,
	) {}

	async hit(key: string, rate: Rate): Promise<WindowCount> {
		if (this.#downSince !== undefined && performance.now() - this.#downSince < retryAfterMs) {
			return this.local.hit(key, rate);
		}
		try {
			const window = await this.#hitRedis(key, rate);
			if (this.#downSince !== undefined) this.log.info("Redis is back: limits are shared again.");
			this.#downSince = undefined;
			return window;
		} catch (error) {
			this.#fallBack(error);
			return this.local.hit(key, rate);
		}
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#client?.close();
		this.#client = undefined;
		await this.local.stop();
	}

	async #hitRedis(key: string, rate: Rate): Promise<WindowCount> {
		const windowMs = String(rate.windowSeconds * 1000);
		const reply = await withTimeout(
			replyMsMax,
			this.#connected().send("EVAL", [script, "1", `orchestrator:limit:${key}`, windowMs]),
		);
		const [count, resetMs] = reply as [number, number];
		return { count: Number(count), resetMs: Number(resetMs) };
	}

	/**
	 * The first commands are queued until the client is connected; without retries they fail as soon as the connection
	 * does. A client whose retries have run out never connects again (as of Bun 1.4.5): after a failure a new one is made.
	 */
	#connected(): RedisClient {
		if (this.#stopped) throw new Error("stopped");
		this.#client ??= new RedisClient(this.url, {
			enableOfflineQueue: true,
			connectionTimeout: 1000,
			maxRetries: 0,
		});
		return this.#client;
	}

	#fallBack(error: unknown): void {
		if (this.#stopped) return;
		if (this.#downSince === undefined) {
			this.log.warn(
				{ err: error },
				"Redis is out of reach: this process counts limits alone until it is back.",
			);
		}
		this.#downSince = performance.now();
		this.#client?.close();
		this.#client = undefined;
	}
}
