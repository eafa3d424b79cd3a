import { describe, expect, test } from "bun:test";
import { canonical, sha256 } from "../../src/kernel/canonical.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import type { JobBody } from "../support/jobs.ts";
import { startServer, testApiKey } from "../support/server.ts";

const key = { "x-api-key": testApiKey };
const jobOf = ({ json }: Answer) => json as JobBody;
const itemsOf = ({ json }: Answer) => (json as { items: readonly JobBody[] }).items;
const pathsOf = (answer: Answer) => errorOf(answer).details?.map(({ path }) => path);

for (const { name, newUrl } of everyDatabase) {
	describe(`jobs on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const post = (path: `/${string}`, body?: unknown, headers: Record<string, string> = {}) =>
			ask(server, `POST ${path}`, { headers: { ...key, ...headers }, body });
		const get = (path: `/${string}`, headers: Record<string, string> = {}) =>
			ask(server, `GET ${path}`, { headers: { ...key, ...headers } });
		const enqueue = async (body: object) => jobOf(await post("/jobs", body));

		/** Enqueues a job in its own queue and leases it. */
		async function leasedJob(more: object = {}, lease: object = {}) {
			const queue = crypto.randomUUID();
			await enqueue({ kind: "k", queue, ...more });
			const [job] = itemsOf(await post("/jobs/lease", { worker: "w", queues: [queue], ...lease }));
			if (job?.lease === undefined) throw new Error("nothing was leased");
			return { id: job.id, fence: job.lease.fence, queue, job };
		}

		test("every route needs a valid key", async () => {
			const id = crypto.randomUUID();
			for (const line of [
				"POST /jobs",
				"POST /jobs/batch",
				"POST /jobs/lease",
				`POST /jobs/${id}/heartbeat`,
				`POST /jobs/${id}/complete`,
				`POST /jobs/${id}/fail`,
				`POST /jobs/${id}/cancel`,
				`POST /jobs/${id}/retry`,
				"GET /jobs",
				"GET /jobs/stats",
				`GET /jobs/${id}`,
			] as const) {
				const without = await ask(server, line);
				expect([without.status, errorOf(without).type]).toEqual([401, "unauthorized"]);
				expect(without.headers.get("www-authenticate")).toBe("Bearer");
				for (const wrong of [`${testApiKey}x`, "", " "]) {
					const refused = await ask(server, line, { headers: { "x-api-key": wrong } });
					expect([refused.status, errorOf(refused).type]).toEqual([403, "forbidden"]);
				}
			}
		});

		test("an enqueued job is returned with all fields, found by id, and 304 under its ETag", async () => {
			const made = await post("/jobs", { kind: "mail", payload: { b: 1, a: [null] } });
			expect(made.status).toBe(202);
			const job = jobOf(made);
			expect(job as unknown).toEqual({
				attempt: 0,
				created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
				id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
				kind: "mail",
				max_attempts: 5,
				payload: { a: [null], b: 1 },
				priority: 0,
				queue: "default",
				run_at: job.created_at,
				state: "queued",
				updated_at: job.created_at,
			});
			expect(made.text).toBe(canonical(job));
			const etag = `"${sha256(made.text)}"`;
			expect(made.headers.get("etag")).toBe(etag);
			expect(made.headers.get("location")).toBe(`/jobs/${job.id}`);
			const found = await get(`/jobs/${job.id}`);
			expect([found.status, found.text, found.headers.get("etag")]).toEqual([200, made.text, etag]);
			const known = await get(`/jobs/${job.id}`, { "if-none-match": `W/${etag}` });
			expect([known.status, known.text, known.headers.get("etag")]).toEqual([304, "", etag]);
			expect(known.headers.has("content-type")).toBe(false);
			await post(`/jobs/${job.id}/cancel`);
			expect((await get(`/jobs/${job.id}`, { "if-none-match": etag })).status).toBe(200);
		});

		test("the events of a job have the id of the request that made them, and the job as it was then", async () => {
			const made = await post("/jobs", { kind: "k" }, { "x-request-id": "enqueuer-1" });
			await post(`/jobs/${jobOf(made).id}/cancel`, undefined, { "x-request-id": "canceller-1" });
			const events = (await get("/events?types=job.*&limit=1000")).json as {
				items: readonly { subject: string; type: string; requestid: string; data: unknown }[];
			};
			const ofJob = events.items.filter(({ subject }) => subject === `/jobs/${jobOf(made).id}`);
			expect(ofJob.map(({ type, requestid }) => [type, requestid])).toEqual([
				["job.enqueued", "enqueuer-1"],
				["job.cancelled", "canceller-1"],
			]);
			expect(ofJob[0]?.data).toEqual(made.json);
		});

		test("while a job with the same unique_key is unfinished, the response is that job", async () => {
			const queue = crypto.randomUUID();
			const first = await post("/jobs", { kind: "k", queue, unique_key: "u" });
			const second = await post("/jobs", { kind: "other", queue, unique_key: "u" });
			expect([first.status, second.status]).toEqual([202, 200]);
			expect(second.text).toBe(first.text);
			for (const header of ["etag", "location"]) {
				expect(second.headers.get(header)).toBe(first.headers.get(header));
			}
		});

		test("a retry with one Idempotency-Key gets the first response: status, headers and bytes", async () => {
			const queue = crypto.randomUUID();
			const body = { kind: "k", queue, unique_key: "u" };
			const ask = (idempotencyKey: string, more: object = {}) =>
				post("/jobs", { ...body, ...more }, { "idempotency-key": idempotencyKey });
			const first = await ask(`${queue}-1`);
			const second = await ask(`${queue}-2`);
			await post("/jobs/lease", { worker: "w", queues: [queue] });
			for (const [given, status] of [
				[first, 202],
				[second, 200],
			] as const) {
				const repeat = await ask(given === first ? `${queue}-1` : `${queue}-2`);
				expect([given.status, repeat.status]).toEqual([status, status]);
				expect(repeat.text).toBe(given.text);
				for (const header of ["etag", "location"]) {
					expect(repeat.headers.get(header)).toBe(given.headers.get(header));
				}
				expect(given.headers.get("idempotency-replayed")).toBeNull();
				expect(repeat.headers.get("idempotency-replayed")).toBe("true");
			}
			const other = await ask(`${queue}-1`, { priority: 1 });
			expect([other.status, errorOf(other).type]).toEqual([422, "idempotency_mismatch"]);
			expect((await post("/jobs", body, { "idempotency-key": "a b" })).status).toBe(400);
		});

		test("an invalid job is rejected with every error at once, and nothing is enqueued", async () => {
			const stats = (await get("/jobs/stats")).text.replace(/"oldest_queued_seconds":[\d.]+/g, "");
			for (const [body, paths] of [
				[{}, ["/kind"]],
				[{ kind: "" }, ["/kind"]],
				[{ kind: " \n" }, ["/kind"]],
				[{ kind: "k".repeat(201) }, ["/kind"]],
				[{ kind: 1, queue: "", priority: 0.5, max_attempts: 0, unique_key: "" }, 5],
				[{ kind: "k", extra: 1 }, ["/extra"]],
				[{ kind: "k", id: crypto.randomUUID() }, ["/id"]],
				[{ kind: "k", priority: "1" }, ["/priority"]],
				[{ kind: "k", queue: "a\0b" }, ["/queue"]],
				[{ kind: "k", payload: { a: ["\ud800"] } }, ["/payload/a/0"]],
				[{ kind: "k", run_at: "tomorrow" }, ["/run_at"]],
				[{ kind: "k", run_at: "2026-02-30T00:00:00Z" }, ["/run_at"]],
				[{ kind: "k", run_at: "2026-06-30T23:59:60Z" }, ["/run_at"]],
				[{ kind: "k", run_at: "2026-01-01T00:00:00" }, ["/run_at"]],
				[{ kind: "k", run_at: "9999-12-31T23:59:59-23:59" }, ["/run_at"]],
				[{ kind: "k", run_at: 1_700_000_000 }, ["/run_at"]],
				[{ kind: "k", unique_key: null }, ["/unique_key"]],
				[[], [""]],
			] as const) {
				const refused = await post("/jobs", body);
				expect([refused.status, errorOf(refused).type]).toEqual([422, "validation_error"]);
				if (typeof paths === "number") expect(pathsOf(refused)).toHaveLength(paths);
				else expect(pathsOf(refused)).toEqual([...paths]);
			}
			for (const jobs of [
				[],
				[{ kind: "k" }, { kind: "" }],
				[{ kind: "k" }, { kind: "k", run_at: "9999-12-31T23:59:59-23:59" }],
				Array.from({ length: 1001 }, () => ({ kind: "k" })),
			]) {
				expect((await post("/jobs/batch", { jobs })).status).toBe(422);
			}
			const large = { kind: "k", payload: "x".repeat(256 * 1024 - 1) };
			for (const answer of [
				await post("/jobs", large),
				await post("/jobs/batch", { jobs: [{ kind: "k" }, large] }),
				await post("/jobs", { kind: "k", payload: "é".repeat(128 * 1024) }),
			]) {
				expect([answer.status, errorOf(answer).type]).toEqual([413, "payload_too_large"]);
			}
			expect((await post("/jobs", "{", {})).status).toBe(400);
			const after = (await get("/jobs/stats")).text.replace(/"oldest_queued_seconds":[\d.]+/g, "");
			expect(after).toBe(stats);
		});

		test("values at the bounds are accepted", async () => {
			const queue = "q".repeat(200);
			const payload = "x".repeat(256 * 1024 - 2);
			const names = { kind: "😀".repeat(200), queue, unique_key: "u".repeat(200) };
			const made = await post("/jobs", { ...names, payload, priority: -1_000_000, max_attempts: 1000 });
			expect(made.status).toBe(202);
			expect(jobOf(made).payload).toBe(payload);
			const early = await enqueue({ kind: "k", queue, run_at: "2026-01-01t01:00:00.1239+01:00" });
			expect([early.run_at, early.state]).toEqual(["2026-01-01T00:00:00.123Z", "queued"]);
			const late = await enqueue({ kind: "k", queue, run_at: "9999-12-31T23:59:59.999Z" });
			expect([late.run_at, late.state]).toEqual(["9999-12-31T23:59:59.999Z", "scheduled"]);
			const [leased] = itemsOf(await post("/jobs/lease", { worker: "w", queues: [queue] }));
			expect(leased?.id).toBe(early.id);
		});

		test("an integer that a double does not hold exactly is 422 at its path wherever JSON comes in, and changes nothing", async () => {
			const { id, fence, job, queue } = await leasedJob();
			const rounded = "1970670598291982290";
			const message = "must be an integer that a double holds exactly; send any other as a string";
			for (const [path, body, pointer] of [
				["/jobs", `{"kind":"x","payload":{"row":${rounded}}}`, "/payload/row"],
				["/jobs", `{"kind":"x","payload":[[-9007199254740993]]}`, "/payload/0/0"],
				["/jobs", `{"kind":"x","payload":${rounded}}`, "/payload"],
				["/jobs", `{"kind":"x","priority":${rounded}}`, "/priority"],
				["/jobs/batch", `{"jobs":[{"kind":"x","payload":{"a/b":${rounded}}}]}`, "/jobs/0/payload/a~1b"],
				["/jobs/lease", `{"worker":"w","limit":${rounded}}`, "/limit"],
				[`/jobs/${id}/heartbeat`, `{"fence":${rounded}}`, "/fence"],
				[`/jobs/${id}/heartbeat`, `{"fence":${fence},"progress":${rounded}}`, "/progress"],
				[`/jobs/${id}/complete`, `{"fence":${fence},"result":{"row":${rounded}}}`, "/result/row"],
				[`/jobs/${id}/fail`, `{"fence":${rounded},"error":"e"}`, "/fence"],
			] as const) {
				const answer = await post(path, body, { "idempotency-key": "rounded" });
				expect([answer.status, errorOf(answer).details]).toEqual([422, [{ message, path: pointer }]]);
				expect(answer.text).not.toContain(rounded.slice(0, 10));
			}
			expect(jobOf(await get(`/jobs/${id}`))).toEqual(job);
			const first = await post("/jobs", { kind: "x", queue }, { "idempotency-key": "rounded" });
			expect([first.status, first.headers.get("idempotency-replayed")]).toEqual([202, null]);
			const exact = await post(
				"/jobs",
				`{"kind":"x","queue":"${queue}","payload":[9007199254740992,9007199254740994,1e22,12345678901234567890.0,"${rounded}"]}`,
			);
			expect(exact.text).toContain(
				`"payload":[9007199254740992,9007199254740994,1e+22,12345678901234567000,"${rounded}"]`,
			);
		});

		test("deep and odd JSON is stored, and returned byte for byte in canonical form", async () => {
			const deep = `${'[{"a":'.repeat(15_000)}0${"}]".repeat(15_000)}`;
			const odd =
				'{"\\u20ac":"\\u2028","\\r":[1e21,-0,0.1,1E-7],"__proto__":{"constructor":null},"😀":"\\u001f"}';
			for (const payload of [deep, odd, "null", '"text"', "0", "[]", "true"]) {
				const wanted = canonical(JSON.parse(payload));
				const queue = crypto.randomUUID();
				const made = await fetch(`${server.url}/jobs`, {
					method: "POST",
					headers: { ...key, "content-type": "application/json", "idempotency-key": queue },
					body: `{"kind":"k","queue":"${queue}","payload":${payload}}`,
				});
				expect(made.status).toBe(202);
				const text = await made.text();
				expect(text).toContain(`"payload":${wanted},"priority"`);
				const { id } = JSON.parse(text) as JobBody;
				await post("/jobs/lease", { worker: "w", queues: [queue] });
				const done = await fetch(`${server.url}/jobs/${id}/complete`, {
					method: "POST",
					headers: { ...key, "content-type": "application/json" },
					body: `{"fence":1,"result":${payload}}`,
				});
				const last = await done.text();
				expect(last).toContain(`"result":${wanted},"run_at"`);
				const found = await fetch(`${server.url}/jobs/${id}`, { headers: key });
				expect(await found.text()).toBe(last);
				expect(`"${sha256(last)}"`).toBe(found.headers.get("etag") ?? "");
			}
		});

		test("a repeated batch gets the same jobs as they are by then, and another one under its key is 422", async () => {
			const headers = { ...key, "idempotency-key": crypto.randomUUID() };
			const queue = crypto.randomUUID();
			const body = {
				jobs: [
					{ kind: "a", queue },
					{ kind: "b", queue },
				],
			};
			const first = await ask(server, "POST /jobs/batch", { headers, body });
			const items = (first.json as { items: JobBody[] }).items;
			expect([first.status, first.headers.get("idempotency-replayed")]).toEqual([202, null]);
			const cancelled = await post(`/jobs/${items[0]?.id}/cancel`, undefined);
			const again = await ask(server, "POST /jobs/batch", { headers, body });
			expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([202, "true"]);
			expect(again.json).toEqual({ items: [cancelled.json, items[1]] });
			const other = await ask(server, "POST /jobs/batch", {
				headers,
				body: { jobs: [{ kind: "c", queue }] },
			});
			expect([other.status, errorOf(other).type]).toEqual([422, "idempotency_mismatch"]);
			const listed = await ask(server, `GET /jobs?queue=${queue}`, { headers: key });
			expect((listed.json as { items: JobBody[] }).items).toHaveLength(2);
			const alone = await ask(server, "POST /jobs", { headers, body: { kind: "a", queue } });
			expect(alone.status).toBe(202);
		});

		test("a batch returns its jobs in order, with the existing job for a unique_key in use", async () => {
			const queue = crypto.randomUUID();
			const jobs = Array.from({ length: 1000 }, (_, n) => ({
				kind: `k${n}`,
				queue,
				unique_key: `u${n % 999}`,
			}));
			const made = await post("/jobs/batch", { jobs });
			expect(made.status).toBe(202);
			expect(itemsOf(made).map(({ kind }) => kind)).toEqual([
				...jobs.slice(0, 999).map(({ kind }) => kind),
				"k0",
			]);
			expect(made.text).toBe(canonical(made.json));
			const leased = itemsOf(await post("/jobs/lease", { worker: "w", queues: [queue], limit: 100 }));
			expect(leased.map(({ kind }) => kind)).toEqual(jobs.slice(0, 100).map(({ kind }) => kind));
		});

		test("a lease has worker, fence and end; heartbeats change progress and end", async () => {
			const { id, fence, job } = await leasedJob({}, { lease_seconds: 30 });
			expect(job).toMatchObject({ attempt: 1, state: "leased", lease: { fence: 1, worker: "w" } });
			const length = Date.parse(job.lease?.expires_at ?? "") - Date.parse(job.updated_at);
			expect(length).toBe(30_000);
			const beat = jobOf(
				await post(`/jobs/${id}/heartbeat`, { fence, lease_seconds: 3600, progress: 33.25 }),
			);
			expect(beat.progress).toBe(33.25);
			expect(Date.parse(beat.lease?.expires_at ?? "") - Date.parse(beat.updated_at)).toBe(3_600_000);
		});

		test("a lease request is validated completely", async () => {
			for (const [body, paths] of [
				[{}, ["/worker"]],
				[{ worker: "w", queues: [] }, ["/queues"]],
				[{ worker: "w", queues: [""] }, ["/queues/0"]],
				[{ worker: "w", queues: Array.from({ length: 21 }, () => "q") }, ["/queues"]],
				[{ worker: "w", limit: 0 }, ["/limit"]],
				[{ worker: "w", limit: 101 }, ["/limit"]],
				[{ worker: "w", lease_seconds: 0 }, ["/lease_seconds"]],
				[{ worker: "w", lease_seconds: 3601 }, ["/lease_seconds"]],
				[{ worker: "w", wait_seconds: 31 }, ["/wait_seconds"]],
				[{ worker: "w", wait_seconds: -1 }, ["/wait_seconds"]],
				[{ worker: "w", queue: "default" }, ["/queue"]],
			] as const) {
				const refused = await post("/jobs/lease", body);
				expect(refused.status).toBe(422);
				expect(pathsOf(refused)).toEqual([...paths]);
			}
			const none = await post("/jobs/lease", { worker: "w", queues: [crypto.randomUUID()] });
			expect([none.status, none.text]).toEqual([200, '{"items":[],"kind":"jobs"}']);
		});

		test("a stale fence is 409 and changes nothing; the current one counts, and repeats get the same response", async () => {
			const { id, fence, queue } = await leasedJob();
			await post(`/jobs/${id}/fail`, { fence, error: "e", retry_in_seconds: 0 });
			const [again] = itemsOf(await post("/jobs/lease", { worker: "v", queues: [queue] }));
			expect(again).toMatchObject({ attempt: 2, error: "e", lease: { fence: 2, worker: "v" } });
			const before = (await get(`/jobs/${id}`)).text;
			for (const stale of [
				await post(`/jobs/${id}/complete`, { fence, result: 1 }),
				await post(`/jobs/${id}/fail`, { fence, error: "e" }),
				await post(`/jobs/${id}/heartbeat`, { fence, progress: 1 }),
				await post(`/jobs/${id}/complete`, { fence: 3 }),
			]) {
				expect([stale.status, errorOf(stale).type]).toEqual([409, "lease_lost"]);
			}
			expect((await get(`/jobs/${id}`)).text).toBe(before);
			const done = await post(`/jobs/${id}/complete`, { fence: 2, result: { ok: true } });
			expect(jobOf(done)).toMatchObject({ state: "succeeded", result: { ok: true } });
			expect(done.text).not.toContain('"lease"');
			const repeat = await post(`/jobs/${id}/complete`, { fence: 2, result: { ok: true } });
			expect([repeat.status, repeat.text]).toEqual([200, done.text]);
			expect((await post(`/jobs/${id}/fail`, { fence: 2, error: "e" })).status).toBe(409);
		});

		test("existence is checked before the body, the body before the fence", async () => {
			for (const id of [crypto.randomUUID(), "1", "not-an-id", "%00"]) {
				for (const path of ["heartbeat", "complete", "fail", "cancel", "retry"] as const) {
					const body = path === "cancel" || path === "retry" ? undefined : { wrong: 1 };
					const refused = await post(`/jobs/${id}/${path}`, body);
					expect([refused.status, errorOf(refused).type]).toEqual([404, "not_found"]);
				}
				expect((await get(`/jobs/${id}`)).status).toBe(404);
			}
			const { id } = await leasedJob();
			for (const [path, body, paths] of [
				["heartbeat", {}, ["/fence"]],
				["heartbeat", { fence: -1 }, ["/fence"]],
				["heartbeat", { fence: 9, progress: 101 }, ["/progress"]],
				["heartbeat", { fence: 9, progress: -1, lease_seconds: 0 }, ["/progress", "/lease_seconds"]],
				["complete", { fence: "9" }, ["/fence"]],
				["complete", { fence: 9, error: "e" }, ["/error"]],
				["fail", { fence: 9 }, ["/error"]],
				["fail", { fence: 9, error: "e".repeat(10_001) }, ["/error"]],
				["fail", { fence: 9, error: "e", retry: "no" }, ["/retry"]],
				["fail", { fence: 9, error: "e", retry_in_seconds: -1 }, ["/retry_in_seconds"]],
			] as const) {
				const refused = await post(`/jobs/${id}/${path}`, body);
				expect(refused.status).toBe(422);
				expect(pathsOf(refused)?.toSorted()).toEqual([...paths].toSorted());
			}
			const large = await post(`/jobs/${id}/complete`, { fence: 1, result: "x".repeat(256 * 1024) });
			expect([large.status, errorOf(large).type]).toEqual([413, "payload_too_large"]);
			expect((await post(`/jobs/${id}/complete`, "{}", { "content-type": "text/plain" })).status).toBe(415);
			expect((await post(`/jobs/${id}/complete`, { fence: 1 })).status).toBe(200);
		});

		test("cancel and retry work from the documented states, and no others", async () => {
			const { id, fence } = await leasedJob();
			const cancelled = await post(`/jobs/${id}/cancel`);
			expect([cancelled.status, jobOf(cancelled).state]).toEqual([200, "cancelled"]);
			expect((await post(`/jobs/${id}/complete`, { fence })).status).toBe(409);
			const twice = await post(`/jobs/${id}/cancel`);
			expect([twice.status, errorOf(twice).type]).toEqual([409, "conflict"]);
			const retried = await post(`/jobs/${id}/retry`);
			expect(jobOf(retried)).toMatchObject({ state: "queued", attempt: 0 });
			expect((await post(`/jobs/${id}/retry`)).status).toBe(409);
			const dead = await leasedJob();
			const failed = await post(`/jobs/${dead.id}/fail`, { fence: 1, error: "e", retry: false });
			expect(jobOf(failed)).toMatchObject({ state: "dead", error: "e" });
			expect(jobOf(await post(`/jobs/${dead.id}/retry`)).state).toBe("queued");
		});

		test("the list is newest first, with any filter, and a cursor is valid only for its own list", async () => {
			const queue = crypto.randomUUID();
			const made: string[] = [];
			for (let n = 0; n < 5; n++) made.push((await enqueue({ kind: "listed", queue })).id);
			const seen: string[] = [];
			let next: string | undefined = `/jobs?queue=${queue}&state=queued&kind=listed&limit=2`;
			let cursor: string | undefined;
			while (next !== undefined) {
				const page = await get(next as `/${string}`);
				expect(page.text).toBe(canonical(page.json));
				seen.push(...itemsOf(page).map(({ id }) => id));
				next = /^<(.+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1];
				cursor = (page.json as { next_cursor?: string }).next_cursor ?? cursor;
			}
			expect(seen).toEqual(made.toReversed());
			for (const query of [
				`queue=other&cursor=${cursor}`,
				"cursor=forged",
				"limit=0",
				"limit=1001",
				"state=done",
				"order=asc",
			]) {
				expect((await get(`/jobs?${query}`)).status).toBe(422);
			}
			expect((await get(`/jobs?queue=${crypto.randomUUID()}`)).text).toBe('{"items":[],"kind":"jobs"}');
		});

		test("the statistics count each queue by state", async () => {
			const { queue } = await leasedJob();
			await enqueue({ kind: "k", queue, run_at: "2026-01-01T00:00:00Z" });
			await enqueue({ kind: "k", queue, run_at: "2100-01-01T00:00:00Z" });
			const stats = await get("/jobs/stats");
			expect(stats.text).toBe(canonical(stats.json));
			const { items, kind } = stats.json as { items: readonly { queue: string }[]; kind: string };
			expect(kind).toBe("job_stats");
			expect(items.find((item) => item.queue === queue) as unknown).toEqual({
				oldest_queued_seconds: expect.any(Number),
				queue,
				states: { cancelled: 0, dead: 0, leased: 1, queued: 1, scheduled: 1, succeeded: 0 },
			});
			expect(items.map((item) => item.queue)).toEqual(items.map((item) => item.queue).toSorted());
		});
	});
}
