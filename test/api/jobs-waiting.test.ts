import { describe, expect, test } from "bun:test";
import { ask } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { type JobAnswer, post } from "../support/jobs.ts";
import { startServer, testApiKey } from "../support/server.ts";

const headers = { "x-api-key": testApiKey };

/** A lease request that has begun to wait. Wrapped, so that awaiting this does not await its response. */
async function waitFor(url: string, queue: string, more: object = {}, signal?: AbortSignal) {
	const answer = post(
		url,
		"/jobs/lease",
		{ worker: "w", queues: [queue], wait_seconds: 30, ...more },
		signal,
	);
	let isOver = false;
	const over = () => {
		isOver = true;
	};
	answer.then(over, over);
	await Bun.sleep(60);
	expect(isOver).toBe(false);
	return { answer };
}

const stateOf = async (url: string, id: string) => {
	const response = await fetch(`${url}/jobs/${id}`, { headers });
	return response.status === 200 ? ((await response.json()) as { state: string }).state : response.status;
};

for (const { name, newUrl } of everyDatabase) {
	describe(`waiting for jobs on ${name}`, async () => {
		const env = { DATABASE_URL: await newUrl(), JOBS_RETENTION_HOURS: "0.0005" };
		const server = await startServer(env);
		const { url } = server;
		const newQueue = () => crypto.randomUUID();

		test("the response comes with the job: enqueued alone, in a batch, retried, requeued, due", async () => {
			const queue = newQueue();
			const take = async ({ answer }: { readonly answer: Promise<JobAnswer> }) => {
				const { status, items } = await answer;
				expect([status, items.length]).toEqual([200, 1]);
				return items[0];
			};
			const wait = (more: object = {}) => waitFor(url, queue, more);

			let waiting = await wait();
			const { job } = await post(url, "/jobs", { kind: "k", queue });
			expect(await take(waiting)).toMatchObject({ id: job.id, lease: { fence: 1 } });

			waiting = await wait();
			await post(url, `/jobs/${job.id}/cancel`, {});
			await post(url, `/jobs/${job.id}/retry`, {});
			expect(await take(waiting)).toMatchObject({ id: job.id, attempt: 1, lease: { fence: 2 } });

			waiting = await wait({ lease_seconds: 1 });
			await post(url, `/jobs/${job.id}/fail`, { fence: 2, error: "e", retry_in_seconds: 0.3 });
			expect(await take(waiting)).toMatchObject({ id: job.id, attempt: 2, lease: { fence: 3 } });

			// The lease of one second expires by itself.
			waiting = await wait();
			expect(await take(waiting)).toMatchObject({ id: job.id, attempt: 3, error: "The lease ran out." });

			waiting = await wait();
			await post(url, "/jobs/batch", { jobs: [{ kind: "batch", queue }] });
			expect(await take(waiting)).toMatchObject({ kind: "batch" });
		});

		test("each job goes to one of the waiting workers, and the others keep waiting", async () => {
			const queue = newQueue();
			const answers = Array.from({ length: 10 }, () =>
				post(url, "/jobs/lease", { worker: "w", queues: [queue], wait_seconds: 2, limit: 1 }),
			);
			await Bun.sleep(100);
			await post(url, "/jobs/batch", { jobs: Array.from({ length: 4 }, () => ({ kind: "k", queue })) });
			const items = (await Promise.all(answers)).flatMap((answer) => answer.items);
			expect(items).toHaveLength(4);
			expect(new Set(items.map(({ id }) => id)).size).toBe(4);
		});

		test("a waiting worker that disconnects gets no job: the next one does", async () => {
			const queue = newQueue();
			const leaving = new AbortController();
			const { answer } = await waitFor(url, queue, {}, leaving.signal);
			leaving.abort();
			expect(await answer.catch((error) => error.name)).toBe("AbortError");
			await Bun.sleep(50);
			const { job } = await post(url, "/jobs", { kind: "k", queue });
			expect(await stateOf(url, job.id)).toBe("queued");
			const { items } = await post(url, "/jobs/lease", { worker: "v", queues: [queue] });
			expect(items.map(({ lease }) => lease?.fence)).toEqual([1]);
		});

		test("the response after the wait is an empty list", async () => {
			const { status, items } = await post(url, "/jobs/lease", {
				worker: "w",
				queues: [newQueue()],
				wait_seconds: 0.05,
			});
			expect([status, items]).toEqual([200, []]);
		});

		test("an expired lease and a due job are queued within 2 s, and finished jobs are removed in time", async () => {
			const queue = newQueue();
			const runAt = new Date(Date.now() + 700).toISOString();
			const { job: due } = await post(url, "/jobs", { kind: "k", queue, run_at: runAt });
			const { job: last } = await post(url, "/jobs", { kind: "k", queue, max_attempts: 1 });
			await post(url, "/jobs/lease", { worker: "w", queues: [queue], lease_seconds: 1 });
			expect([await stateOf(url, due.id), await stateOf(url, last.id)]).toEqual(["scheduled", "leased"]);
			await Bun.sleep(2800);
			expect(await stateOf(url, due.id)).toBe("queued");
			const gone = async () => (await stateOf(url, last.id)) === 404;
			for (let tries = 0; tries < 200 && !(await gone()); tries++) await Bun.sleep(50);
			expect(await gone()).toBe(true);
			const events = await ask(server, "GET /events?types=job.dead&limit=1000", { headers });
			expect(events.text).toContain(`"subject":"/jobs/${last.id}"`);
		});

		test("a shutdown ends waiting leases at once, with an empty list", async () => {
			const other = await startServer({ DATABASE_URL: await newUrl() });
			const waiting = post(other.url, "/jobs/lease", { worker: "w", wait_seconds: 30 });
			await Bun.sleep(100);
			await other.stop();
			const { status, items } = await waiting;
			expect([status, items]).toEqual([200, []]);
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	test(`a worker that waits at one replica gets a job that another enqueues or finds due, on ${name}`, async () => {
		const env = { DATABASE_URL: await newUrl() };
		const [one, other] = await Promise.all([startServer(env), startServer(env)]);
		const ask = { worker: "w", wait_seconds: 30 };
		for (const body of [{ kind: "k" }, { kind: "k", run_at: new Date(Date.now() + 400).toISOString() }]) {
			const waiting = post(one.url, "/jobs/lease", ask);
			await Bun.sleep(100);
			const { job } = await post(other.url, "/jobs", body);
			const { items } = await waiting;
			expect(items.map(({ id }) => id)).toEqual([job.id]);
			await post(other.url, `/jobs/${job.id}/complete`, { fence: 1 });
		}
	});
}
