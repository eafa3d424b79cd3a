import { describe, expect, test } from "bun:test";
import { durableDatabases } from "../support/databases.ts";
import { type JobBody, post } from "../support/jobs.ts";
import { fromSource, startProcess } from "../support/process.ts";
import { startServer, testApiKey } from "../support/server.ts";

const jobsMax = 3000;
const workers = 16;
const timeoutMs = 60_000;

interface Crowd {
	/** Fences of the leases, by job. */
	readonly fences: Map<string, number[]>;
	/** Completes that were 200, by job. */
	readonly completes: Map<string, number>;
	staleAnswers: number;
}

/**
 * Works until all jobs are done: of a hundred leases some are abandoned, and some jobs are completed after the lease has
 * expired. `urls` are the live replicas; a call that gets no response from one is sent to another.
 */
async function work(name: string, urls: () => readonly string[], crowd: Crowd): Promise<void> {
	async function call(path: string, body: object) {
		for (;;) {
			const alive = urls();
			const url = alive[Math.floor(Math.random() * alive.length)] ?? "";
			const answer = await post(url, path, body).catch(() => undefined);
			if (answer !== undefined && answer.status !== 503) return answer;
			await Bun.sleep(20);
		}
	}

	async function complete(id: string, fence: number): Promise<void> {
		const { status } = await call(`/jobs/${id}/complete`, { fence, result: fence });
		expect([200, 409]).toContain(status);
		if (status === 200) crowd.completes.set(id, (crowd.completes.get(id) ?? 0) + 1);
		else crowd.staleAnswers++;
	}

	const late: Promise<void>[] = [];
	while (crowd.completes.size < jobsMax) {
		const { items } = await call("/jobs/lease", {
			worker: name,
			limit: 5,
			lease_seconds: 1,
			wait_seconds: 0.5,
		});
		for (const { id, lease } of items) {
			const fence = lease?.fence ?? 0;
			crowd.fences.set(id, [...(crowd.fences.get(id) ?? []), fence]);
			const chance = Math.random();
			if (chance < 0.02) continue;
			if (chance < 0.04) late.push(Bun.sleep(1000 + Math.random() * 1000).then(() => complete(id, fence)));
			else await complete(id, fence);
		}
	}
	await Promise.all(late);
}

async function crowdAt(
	urls: () => readonly string[],
	during: (crowd: Crowd) => Promise<void>,
): Promise<Crowd> {
	for (let batch = 0; batch < jobsMax / 1000; batch++) {
		const jobs = Array.from({ length: 1000 }, (_, n) => ({ kind: "k", max_attempts: 1000, payload: n }));
		expect((await post(urls()[0] ?? "", "/jobs/batch", { jobs })).status).toBe(202);
	}
	const crowd: Crowd = { fences: new Map(), completes: new Map(), staleAnswers: 0 };
	await Promise.all([
		...Array.from({ length: workers }, (_, index) => work(`w${index}`, urls, crowd)),
		during(crowd),
	]);
	return crowd;
}

/** What must be true of the leases, the completes and the log, which has everything in commit order. */
async function expectSound(url: string, { fences, completes, staleAnswers }: Crowd): Promise<void> {
	expect(completes.size).toBe(jobsMax);
	for (const taken of fences.values()) expect(new Set(taken).size).toBe(taken.length);
	expect(staleAnswers).toBeGreaterThan(0);

	const states = await read(url, "/jobs/stats");
	expect(states.items).toMatchObject([
		{
			queue: "default",
			states: { cancelled: 0, dead: 0, leased: 0, queued: 0, scheduled: 0, succeeded: jobsMax },
		},
	]);
	const last = new Map<string, JobBody>();
	let after = 0;
	for (;;) {
		const page = await read(url, `/events?after=${after}&limit=1000&types=job.*`);
		for (const { type, data } of page.items) {
			const before = last.get(data.id);
			if (type === "job.leased") {
				expect(before?.state).toBe("queued");
				expect(data.lease?.fence).toBe(data.attempt);
				expect(data.attempt).toBe((before?.attempt ?? 0) + 1);
			} else if (type !== "job.enqueued") expect(before?.state).toBe("leased");
			if (type === "job.succeeded") expect(data.result).toBe(data.attempt);
			last.set(data.id, data);
		}
		if (page.next_after === after) break;
		after = page.next_after ?? 0;
	}
	expect([...last.values()].filter(({ state }) => state === "succeeded")).toHaveLength(jobsMax);
	for (const [id, taken] of fences)
		expect(Math.max(...taken)).toBeLessThanOrEqual(last.get(id)?.attempt ?? 0);
}

interface Read {
	readonly items: readonly { readonly type: string; readonly data: JobBody }[];
	readonly next_after?: number;
}

async function read(url: string, path: string): Promise<Read> {
	return (await (await fetch(url + path, { headers: { "x-api-key": testApiKey } })).json()) as Read;
}

for (const { name, newUrl } of durableDatabases) {
	describe(`${jobsMax} jobs and ${workers} workers that abandon leases, on ${name}`, () => {
		async function alone(): Promise<void> {
			const { url } = await startServer({ DATABASE_URL: await newUrl() });
			const crowd = await crowdAt(
				() => [url],
				async () => {},
			);
			await expectSound(url, crowd);
		}

		async function withOneKilled(): Promise<void> {
			const env = { DATABASE_URL: await newUrl(), API_KEYS: testApiKey, LOG_LEVEL: "warn" };
			const [one, other] = await Promise.all([startProcess(fromSource, env), startProcess(fromSource, env)]);
			const alive = [one.url, other.url];
			const crowd = await crowdAt(
				() => alive,
				async ({ completes }) => {
					while (completes.size < jobsMax / 3) await Bun.sleep(5);
					await other.end("SIGKILL");
					alive.pop();
				},
			);
			await expectSound(one.url, crowd);
		}

		test("every job is done, no fence is assigned twice, no job has two holders", alone, timeoutMs);
		// Only Postgres is meant for two servers.
		if (name !== "Postgres") return;
		test("the same with two servers, one of which is killed meanwhile", withOneKilled, timeoutMs);
	});
}
