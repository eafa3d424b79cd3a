import { RedisClient } from "bun";
import type { Rate } from "../config.ts";
import type { Log } from "../log.ts";
import { withTimeout } from "../timeout.ts";
import type { Counter, WindowCount } from "./counter.ts";

/** Counts and reads the window in one step, so that replicas cannot overtake each other between the two. */
const script = `
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
local left = redis.call('PTTL', KEYS[1])
if left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]); left = tonumber(ARGV[1]) end
return {count, left}`;

/** A limiter must not be slower than what it guards: past this, the local count decides. */
const answerWithinMs = 250;
const retryAfterMs = 1000;

/** Windows in Redis, shared by all replicas; while it is out of reach, `local` counts and one log line says so. */
export class RedisCounter implements Counter {
	#client: RedisClient | undefined;
	#outSince: number | undefined;
	#stopped = false;

	constructor(
		private readonly url: string,
		private readonly local: Counter,
		private readonly log: Log,
	) {}

	async hit(key: string, rate: Rate): Promise<WindowCount> {
		if (this.#outSince !== undefined && performance.now() - this.#outSince < retryAfterMs) {
			return this.local.hit(key, rate);
		}
		try {
			const tally = await this.#ask(key, rate);
			if (this.#outSince !== undefined) this.log.info("Redis is back: limits are shared again.");
			this.#outSince = undefined;
			return tally;
		} catch (error) {
			this.#leave(error);
			return this.local.hit(key, rate);
		}
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#client?.close();
		this.#client = undefined;
		await this.local.stop();
	}

	async #ask(key: string, rate: Rate): Promise<WindowCount> {
		const windowMs = String(rate.windowSeconds * 1000);
		const reply = await withTimeout(
			answerWithinMs,
			this.#connected().send("EVAL", [script, "1", `orchestrator:limit:${key}`, windowMs]),
		);
		const [count, resetMs] = reply as [number, number];
		return { count: Number(count), resetMs: Number(resetMs) };
	}

	/**
	 * The queue holds the first commands until the client is connected; with no retries they fail as soon as the server
	 * refuses. A client whose retries have run out stays dead (as of Bun 1.4.5), so each try after a failure gets a new one.
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

	#leave(error: unknown): void {
		if (this.#stopped) return;
		if (this.#outSince === undefined) {
			this.log.warn(
				{ err: error },
				"Redis is out of reach: this process counts limits alone until it is back.",
			);
		}
		this.#outSince = performance.now();
		this.#client?.close();
		this.#client = undefined;
	}
}
