import { describe, expect, test } from "bun:test";
import { openStorage } from "../../src/storage/open.ts";
import { ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { openTail } from "../support/events.ts";
import { silentLog, startServer, type TestServer, testApiKey } from "../support/server.ts";

const key = { "x-api-key": testApiKey };
const inMemory = { DATABASE_URL: "sqlite://:memory:", METRICS: "on" };

/** Each sample by its name and labels, as Prometheus reads them. */
async function scrape(server: TestServer): Promise<ReadonlyMap<string, number>> {
	const response = await fetch(`${server.url}/metrics`, { headers: key });
	expect(response.status).toBe(200);
	expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
	expect(response.headers.get("cache-control")).toBe("private, no-cache");
	expect(response.headers.get("vary")).toBe("Origin, Authorization, X-API-Key");
	const text = await response.text();
	expect(text.endsWith("\n")).toBe(true);
	const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
	return new Map(
		samples.map((line) => {
			const [, name = "", value = ""] = /^([a-z_]+(?:\{[^\n]*\})?) (\S+)$/.exec(line) ?? [];
			expect([line, name]).not.toEqual([line, ""]);
			expect(Number(value)).not.toBeNaN();
			return [name, Number(value)];
		}),
	);
}

function requests(method: string, route: string, status: number): string {
	return `orchestrator_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`;
}

describe("access to the metrics", () => {
	test("is 404 while METRICS is off, which is the default", async () => {
		const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
		const answer = await ask(server, "GET /metrics", { headers: key });
		expect([answer.status, errorOf(answer).type]).toEqual([404, "not_found"]);
	});

	test("with METRICS=on needs a valid key", async () => {
		const server = await startServer(inMemory);
		expect((await ask(server, "GET /metrics")).status).toBe(401);
		expect((await ask(server, "GET /metrics", { headers: { authorization: server.bearer } })).status).toBe(
			403,
		);
		const wrong = { "x-api-key": "not-one-of-the-keys" };
		expect((await ask(server, "GET /metrics", { headers: wrong })).status).toBe(403);
		expect((await scrape(server)).get("orchestrator_database_up")).toBe(1);
	});

	test("is 403 for everybody if there are no keys", async () => {
		const server = await startServer({ ...inMemory, API_KEYS: "" });
		expect((await ask(server, "GET /metrics", { headers: key })).status).toBe(403);
	});
});

for (const { name, newUrl } of everyDatabase) {
	test(`on ${name} the metrics cover requests, writes, streams, jobs and the process`, async () => {
		const server = await startServer({ METRICS: "on", DATABASE_URL: await newUrl() });
		const before = await scrape(server);
		for (const title of ["one", "two"]) {
			const { json } = await ask(server, "POST /collab/tasks", {
				headers: { authorization: server.bearer },
				body: { title },
			});
			await ask(server, `GET /collab/tasks/${(json as { id: string }).id}`);
		}
		await ask(server, "HEAD /collab/state/tasks?limit=1");
		await ask(server, "GET /wp-admin/setup.php");
		for (const run_at of [undefined, undefined, "2999-01-01T00:00:00.000Z"]) {
			await ask(server, "POST /jobs", { headers: key, body: { kind: "k", ...(run_at && { run_at }) } });
		}
		await ask(server, "POST /jobs/lease", { headers: key, body: { worker: "w" } });
		const tail = await openTail(server.url);
		const during = await scrape(server);
		tail.close();

		expect(during.get(requests("POST", "/collab/tasks", 200))).toBe(2);
		expect(during.get(requests("GET", "/collab/tasks/:id", 200))).toBe(2);
		expect(during.get(requests("HEAD", "/collab/state/tasks", 200))).toBe(1);
		expect(during.get(requests("GET", "none", 404))).toBe(1);
		expect(during.get(requests("POST", "/jobs", 202))).toBe(3);
		expect(during.get(requests("GET", "/events/tail", 200))).toBe(1);
		expect([...during.keys()].filter((sample) => sample.includes("wp-admin"))).toEqual([]);
		expect(during.get("orchestrator_event_streams")).toBe(1);
		const grown = (sample: string) => (during.get(sample) ?? 0) - (before.get(sample) ?? 0);
		expect(grown("orchestrator_write_units_total")).toBeGreaterThanOrEqual(6);
		expect(grown("orchestrator_write_groups_total")).toBeGreaterThanOrEqual(1);
		expect(during.get("orchestrator_write_queue_length")).toBe(0);
		const jobs = Object.fromEntries(
			["cancelled", "dead", "leased", "queued", "scheduled", "succeeded"].map((state) => [
				state,
				during.get(`orchestrator_jobs{state="${state}"}`),
			]),
		);
		expect(jobs).toEqual({ cancelled: 0, dead: 0, leased: 1, queued: 1, scheduled: 1, succeeded: 0 });
		expect(during.get("orchestrator_jobs_oldest_queued_seconds")).toBeGreaterThanOrEqual(0);
		expect(during.get("orchestrator_event_loop_lag_seconds")).toBeGreaterThanOrEqual(0);
		expect(during.get("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
		expect(during.get("process_cpu_seconds_total")).toBeGreaterThan(0);
		expect(Math.abs((during.get("process_start_time_seconds") ?? 0) * 1000 - Date.now())).toBeLessThan(
			86_400_000,
		);
		await server.stop();
	});
}

test("while the database does not answer, the metrics say so and have all other values", async () => {
	const storage = await openStorage({ kind: "sqlite", path: ":memory:" }, await silentLog());
	let isAway = false;
	const jobs = {
		...storage.jobs,
		stats: () => (isAway ? Promise.reject(new Error("away")) : storage.jobs.stats("every")),
	};
	const server = await startServer(inMemory, { storage: { ...storage, jobs } });
	expect((await scrape(server)).get("orchestrator_database_up")).toBe(1);
	isAway = true;
	const samples = await scrape(server);
	expect(samples.get("orchestrator_database_up")).toBe(0);
	expect([...samples.keys()].filter((sample) => sample.startsWith("orchestrator_jobs"))).toEqual([]);
	expect(samples.has("orchestrator_write_groups_total")).toBe(true);
});

test("an unknown method or path does not become a label", async () => {
	const server = await startServer(inMemory);
	for (let count = 0; count < 5; count++) await fetch(`${server.url}/x${count}`, { method: "PURGE" });
	const labels = [...(await scrape(server)).keys()].filter((sample) => /_count\{.*route="none"/.test(sample));
	expect(labels).toEqual([requests("other", "none", 404)]);
});
