import { describe, expect, test } from "bun:test";
import { RedisClient } from "bun";
import { ask } from "../support/ask.ts";
import { recordedLog } from "../support/log.ts";
import { redisUrl, startRedis } from "../support/redis.ts";
import { startServer, testApiKey } from "../support/server.ts";

/** A separate key for each test: all may share one Redis. */
function newKey(): string {
	return `key-${crypto.randomUUID()}`;
}

async function replica(url: string, key: string, rate: string) {
	const recorded = recordedLog();
	const env = {
		DATABASE_URL: "sqlite://:memory:",
		REDIS_URL: url,
		RATE_LIMIT: rate,
		API_KEYS: `${key},${testApiKey}`,
	};
	const server = await startServer(env, { log: recorded.log });
	const get = () => ask(server, "GET /collab/state/tasks", { headers: { "x-api-key": key } });
	const said = () =>
		recorded.lines.filter(({ msg }) => String(msg).startsWith("Redis")).map(({ msg }) => msg);
	return { server, get, said };
}

const left = ({ headers }: { headers: Headers }) =>
	Number(/r=(\d+)/.exec(headers.get("ratelimit") ?? "")?.[1]);

const shared = await redisUrl();
describe.if(shared !== undefined)("Redis", () => {
	const url = shared ?? "";

	test("two replicas share one exact count, with 200 concurrent requests", async () => {
		const key = newKey();
		const replicas = [await replica(url, key, "120/hour"), await replica(url, key, "120/hour")];
		const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => replicas[index % 2]?.get()));
		expect(answers.filter((answer) => answer?.status === 200)).toHaveLength(120);
		expect(answers.filter((answer) => answer?.status === 429)).toHaveLength(80);
		const lefts = answers.flatMap((answer) => (answer?.status === 200 ? [left(answer)] : []));
		expect(lefts.sort((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, index) => index));
		for (const { said } of replicas) expect(said()).toEqual([]);
	});

	test("two replicas share one count for a user, under a key that names the user", async () => {
		const env = {
			DATABASE_URL: "sqlite://:memory:",
			REDIS_URL: url,
			USER_RATE_LIMIT: "10/hour",
			JWT_SECRET: crypto.randomUUID(),
		};
		const servers = [await startServer(env), await startServer(env)] as const;
		const headers = { authorization: servers[0].bearer };
		const lefts: unknown[] = [];
		for (let n = 0; n < 12; n++) {
			const answer = await ask(servers[n % 2 === 0 ? 0 : 1], "GET /collab/state/tasks", { headers });
			expect(answer.headers.get("ratelimit-policy")).toBe('"user";q=10;w=3600');
			lefts.push(answer.status === 200 ? left(answer) : answer.status);
		}
		expect(lefts).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 429, 429]);
		const { sub } = JSON.parse(
			Buffer.from(headers.authorization.split(".")[1] ?? "", "base64url").toString(),
		);
		const client = new RedisClient(url);
		expect(await client.get(`orchestrator:limit:user:${sub}`)).toBe("12");
		expect(Number(await client.send("PTTL", [`orchestrator:limit:user:${sub}`]))).toBeGreaterThan(0);
		client.close();
	});

	test("the key of a window always expires", async () => {
		const key = newKey();
		const { get } = await replica(url, key, "1/second");
		expect((await get()).status).toBe(200);
		const refused = await get();
		expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
		await Bun.sleep(1001);
		expect((await get()).status).toBe(200);
		const client = new RedisClient(url);
		const name = (await client.send("KEYS", ["orchestrator:limit:*"])) as string[];
		for (const found of name) expect(await client.send("PTTL", [found])).not.toBe(-1);
		client.close();
	});
});

const own = await startRedis();
describe.if(own !== undefined)("a Redis that fails", () => {
	const redis = own as NonNullable<typeof own>;

	/** Sends requests until the log has so many lines about Redis. */
	async function untilSaid(lines: number, get: () => Promise<unknown>, said: () => unknown[]): Promise<void> {
		while (said().length < lines) {
			await get();
			await Bun.sleep(50);
		}
	}

	test("that stops: each replica counts locally, one log line says so, and the shared count comes back by itself, twice", async () => {
		const key = newKey();
		const { get, said } = await replica(redis.url, key, "1000/hour");
		await get();
		for (const round of [1, 2]) {
			await redis.stop();
			const answers = await Promise.all(Array.from({ length: 20 }, get));
			expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
			for (let n = 0; n < 10; n++) await get();
			expect(said()).toHaveLength(2 * round - 1);
			expect(said().at(-1)).toBe("Redis is out of reach: this process counts limits alone until it is back.");
			await redis.start();
			await untilSaid(2 * round, get, said);
			expect(said().at(-1)).toBe("Redis is back: limits are shared again.");
			const other = await replica(redis.url, key, "1000/hour");
			const before = left(await get());
			expect(left(await other.get())).toBe(before - 1);
		}
	});

	test("that is not there at the start: the server serves, and shares the count once Redis is there", async () => {
		await redis.stop();
		const { get, said } = await replica(redis.url, newKey(), "1000/hour");
		expect((await get()).status).toBe(200);
		expect(said()).toHaveLength(1);
		await redis.start();
		await untilSaid(2, get, said);
	});

	test("that is frozen delays few requests, briefly, and comes back by itself", async () => {
		const { get, said, server } = await replica(redis.url, newKey(), "1000/hour");
		await get();
		redis.freeze();
		try {
			const startedAt = performance.now();
			await Promise.all(Array.from({ length: 50 }, get));
			for (let n = 0; n < 20; n++) await get();
			// A bound, not a speed: without one, a frozen Redis would block every request for ever.
			expect(performance.now() - startedAt).toBeLessThan(10_000);
			expect(said()).toHaveLength(1);
		} finally {
			redis.thaw();
		}
		await untilSaid(2, get, said);
		redis.freeze();
		try {
			await server.stop();
		} finally {
			redis.thaw();
		}
	});
});
