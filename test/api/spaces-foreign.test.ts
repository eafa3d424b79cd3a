import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { openTail } from "../support/events.ts";
import type { JobBody } from "../support/jobs.ts";
import { recordedLog } from "../support/log.ts";
import { sendRaw } from "../support/raw.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";
import { addSpace } from "../support/spaces.ts";

setDefaultTimeout(60_000);

type Line = `${string} /${string}`;

interface Page {
	readonly items: readonly (JobBody & { readonly subject: string; readonly source: string })[];
	readonly next_cursor?: string;
	readonly next_after?: number;
}
const pageOf = ({ json }: Answer) => json as Page;
const idOf = ({ json }: Answer) => (json as { id: string }).id;

/** A request as the server's user, in a space or, without one, at the plain address. */
function asking(server: TestServer) {
	return (space: string, line: Line, body?: unknown, more: Record<string, string> = {}) => {
		const [method, path] = line.split(" ");
		const prefix = space === "" ? "" : `/spaces/${space}`;
		const headers = { authorization: server.bearer, ...more };
		return ask(server, `${method} /${`${prefix}${path}`.slice(1)}`, { headers, body });
	};
}

/** Two spaces, each with a task and a leased job. */
async function twoSpaces(url: string) {
	const { log, lines } = recordedLog();
	const server = await startServer({ DATABASE_URL: url }, { log });
	const as = asking(server);
	await addSpace(server, "acme");
	await addSpace(server, "other");
	async function fill(space: string) {
		const task = await as(space, "POST /collab/tasks", { title: `of ${space}` });
		await as(space, "POST /jobs", { kind: "k", unique_key: "one" });
		const [job] = pageOf(await as(space, "POST /jobs/lease", { worker: "w" })).items;
		return { task: idOf(task), etag: task.headers.get("etag") ?? "", job: job as JobBody };
	}
	return { server, as, lines, acme: await fill("acme"), other: await fill("other"), plain: await fill("") };
}

for (const { name, newUrl } of everyDatabase) {
	describe(`what belongs to another space on ${name}`, async () => {
		const { server, as, lines, acme, other, plain } = await twoSpaces(await newUrl());
		const spaces = ["", "default", "acme", "other"];

		test("is 404 in a path for every verb, and nothing happens to it", async () => {
			const rev = (await server.storage.events.range()).rev;
			for (const [space, { task, etag, job }] of [
				["acme", other],
				["acme", plain],
				["other", acme],
				["", acme],
				["default", acme],
			] as const) {
				const fence = { fence: job.lease?.fence };
				const current = { "if-match": etag };
				for (const [line, body, headers] of [
					[`GET /collab/tasks/${task}`],
					[`GET /collab/tasks/${task}`, undefined, { "if-none-match": etag }],
					[`GET /collab/tasks/${task}`, undefined, { "if-none-match": "*" }],
					[`PATCH /collab/tasks/${task}`, { title: "stolen" }, current],
					[`PATCH /collab/tasks/${task}`, { title: 1 }, current],
					[`PATCH /collab/tasks/${task}`, { title: "stolen" }, { "if-match": "*" }],
					[`DELETE /collab/tasks/${task}`, undefined, current],
					[`POST /collab/tasks/${task}/claim`, {}],
					[`POST /collab/tasks/${task}/claim`, { holder: 1 }],
					[`POST /collab/tasks/${task}/heartbeat`, { fence: 1 }],
					[`POST /collab/tasks/${task}/release`, { fence: 1 }],
					[`POST /collab/tasks/${task}/complete`, { fence: 1 }],
					[`GET /collab/tasks/${task}/result`],
					[`GET /collab/tasks/${task}/comments`],
					[`POST /collab/tasks/${task}/comments`, { body: "a word" }],
					[`POST /collab/tasks/${task}/comments`, {}],
					[`GET /jobs/${job.id}`],
					[`POST /jobs/${job.id}/heartbeat`, fence],
					[`POST /jobs/${job.id}/heartbeat`, {}],
					[`POST /jobs/${job.id}/complete`, fence],
					[`POST /jobs/${job.id}/fail`, { ...fence, error: "e" }],
					[`POST /jobs/${job.id}/cancel`],
					[`POST /jobs/${job.id}/retry`],
				] as readonly [Line, unknown?, Record<string, string>?][]) {
					const answer = await as(space, line, body, headers);
					expect([space, line, answer.status, errorOf(answer).type]).toEqual([space, line, 404, "not_found"]);
					expect(answer.headers.get("etag")).toBeNull();
				}
			}
			expect((await server.storage.events.range()).rev).toBe(rev);
			for (const [space, { task, etag, job }] of [
				["acme", acme],
				["other", other],
				["default", plain],
			] as const) {
				expect((await as(space, `GET /collab/tasks/${task}`)).headers.get("etag")).toBe(etag);
				expect((await as(space, `GET /jobs/${job.id}`)).json).toEqual(job as unknown);
			}
		});

		test("is in no list, no statistics and no page of events", async () => {
			for (const [space, own] of [
				["acme", acme],
				["other", other],
				["", plain],
				["default", plain],
			] as const) {
				const tasks = pageOf(await as(space, "GET /collab/state/tasks"));
				expect(tasks.items.map(({ id }) => id)).toEqual([own.task]);
				const jobs = pageOf(await as(space, "GET /jobs"));
				expect(jobs.items.map(({ id }) => id)).toEqual([own.job.id]);
				const states = { cancelled: 0, dead: 0, leased: 1, queued: 0, scheduled: 0, succeeded: 0 };
				const stats = (await as(space, "GET /jobs/stats")).json as { items: { states: object }[] };
				expect(stats.items).toHaveLength(1);
				expect(stats.items[0]?.states).toMatchObject(states);
				const events = pageOf(await as(space, "GET /events"));
				expect(events.items.map(({ subject }) => subject)).toEqual([
					`/collab/tasks/${own.task}`,
					`/jobs/${own.job.id}`,
					`/jobs/${own.job.id}`,
				]);
				const source =
					space === "acme" || space === "other" ? `/orchestrator/spaces/${space}` : "/orchestrator";
				expect(new Set(events.items.map((event) => event.source))).toEqual(new Set([source]));
				const ids = events.items.map(({ id }) => Number(id));
				expect(ids).toEqual([...ids].sort((a, b) => a - b));
			}
		});

		test("is nothing that a task can wait for, be a part of, or be found by", async () => {
			const rev = (await server.storage.events.range()).rev;
			for (const [space, { task, etag }, foreign] of [
				["acme", acme, other.task],
				["acme", acme, plain.task],
				["default", plain, acme.task],
				["", plain, acme.task],
			] as const) {
				for (const [fields, path] of [
					[{ blocked_by: [foreign] }, "/blocked_by/0"],
					[{ parent: foreign }, "/parent"],
				] as const) {
					const current = { "if-match": etag };
					for (const [line, body, at] of [
						["POST /collab/tasks", { title: "x", ...fields }, path],
						[
							"POST /collab/tasks/batch",
							{ tasks: [{ title: "x" }, { title: "y", ...fields }] },
							`/tasks/1${path}`,
						],
						[`PATCH /collab/tasks/${task}`, fields, path],
					] as readonly [Line, object, string][]) {
						const refused = await as(space, line, body, current);
						expect([line, refused.status, errorOf(refused).details?.map((fault) => fault.path)]).toEqual([
							...[line, 422, [at]],
						]);
					}
				}
				for (const filter of [`parent=${foreign}`, `blocked_by=${foreign}`]) {
					const found = await as(space, `GET /collab/state/tasks?${filter}`);
					expect([found.status, pageOf(found).items]).toEqual([200, []]);
				}
			}
			expect((await server.storage.events.range()).rev).toBe(rev);
		});

		test("is not counted: each space has its numbers and its counts of tasks", async () => {
			const statsOf = async (space: string) => {
				const answer = await as(space, "GET /collab/tasks/stats");
				expect(answer.status).toBe(200);
				const { items } = answer.json as { items: readonly { count: number; status: string }[] };
				return items.find(({ status }) => status === "open")?.count;
			};
			for (const space of spaces) expect([space, await statsOf(space)]).toEqual([space, 1]);
			const numbers = [];
			for (const [space, { task }] of [
				["acme", acme],
				["other", other],
				["", plain],
			] as const) {
				numbers.push(((await as(space, `GET /collab/tasks/${task}`)).json as { number: number }).number);
				const found = await as(space, "GET /collab/state/tasks?number=1");
				expect(pageOf(found).items.map(({ id }) => id)).toEqual([task]);
			}
			expect(numbers).toEqual([1, 1, 1]);
		});

		test("is not tailed, neither from the log nor live", async () => {
			const headers = { authorization: server.bearer };
			const open = (space: string, query: string) =>
				openTail(`${server.url}${space === "" ? "" : `/spaces/${space}`}`, query, headers);
			const [live, late] = [await open("acme", ""), await open("acme", "?last_event_id=0")];
			for (const space of ["other", "", "acme", "other"]) {
				expect((await as(space, "POST /collab/tasks", { title: `live in ${space}` })).status).toBe(200);
			}
			const { event } = await live.next();
			expect([event.data.title, event.source]).toEqual(["live in acme", "/orchestrator/spaces/acme"]);
			expect(event.subject).toBe(`/collab/tasks/${event.data.id}`);
			const all = await late.take(4);
			expect(all.map(({ type, event }) => [type, event.source])).toEqual(
				["task.created", "job.enqueued", "job.leased", "task.created"].map((type) => [
					...[type, "/orchestrator/spaces/acme"],
				]),
			);
			live.close();
			late.close();
		});

		test("is not kept for a reader of another space", async () => {
			const [one, two] = [
				await as("acme", "GET /collab/state/tasks"),
				await as("other", "GET /collab/state/tasks"),
			];
			const known = { "if-none-match": one.headers.get("etag") ?? "" };
			expect((await as("acme", "GET /collab/state/tasks", undefined, known)).status).toBe(304);
			const elsewhere = await as("other", "GET /collab/state/tasks", undefined, known);
			expect([elsewhere.status, elsewhere.text]).toEqual([200, two.text]);
			// A change in one space leaves what is kept of another as it is.
			await as("other", "POST /collab/tasks", { title: "later" });
			expect((await as("acme", "GET /collab/state/tasks", undefined, known)).status).toBe(304);
			expect((await as("other", "GET /collab/state/tasks")).text).not.toBe(two.text);
			const revs = await Promise.all(
				spaces.map(async (space) => (await as(space, "GET /collab/state/tasks")).headers.get("x-event-id")),
			);
			expect(revs.every((rev) => Number(rev) > 0)).toBe(true);
		});

		test("cursors are of their space, and default has one set under both addresses", async () => {
			for (const space of ["acme", "other", ""]) {
				await as(space, "POST /collab/tasks", { title: "second" });
				await as(space, "POST /jobs", { kind: "k" });
			}
			for (const list of ["/collab/state/tasks", "/jobs"]) {
				for (const of of spaces) {
					const page = await as(of, `GET ${list}?limit=1` as Line);
					const { next_cursor: cursor } = pageOf(page);
					const prefix = of === "" ? "" : `/spaces/${of}`;
					expect(page.headers.get("link")).toStartWith(`<${prefix}${list}?`);
					for (const space of spaces) {
						const isOwn = space === of || (/^(default)?$/.test(space) && /^(default)?$/.test(of));
						const answer = await as(space, `GET ${list}?limit=1&cursor=${cursor}` as Line);
						expect([of, space, answer.status]).toEqual([of, space, isOwn ? 200 : 422]);
						if (!isOwn) expect(errorOf(answer).details?.[0]?.path).toBe("/cursor");
					}
				}
			}
		});

		test("idempotency keys are of their space, and default has one set under both addresses", async () => {
			const key = { "idempotency-key": "one-key" };
			for (const [line, body, otherBody] of [
				["POST /collab/tasks", { title: "once" }, { title: "x" }],
				["POST /collab/tasks/batch", { tasks: [{ title: "once" }] }, { tasks: [{ title: "x" }] }],
				["POST /jobs", { kind: "once" }, { kind: "x" }],
			] as const) {
				const idOf = ({ json }: Answer) => {
					const { id, items } = json as { id?: string; items?: readonly { id: string }[] };
					return id ?? items?.[0]?.id ?? "";
				};
				const ids = new Map<string, string>();
				for (const space of ["acme", "other", "default"]) {
					const first = await as(space, line, body, key);
					expect([space, first.headers.get("idempotency-replayed")]).toEqual([space, null]);
					const again = await as(space, line, body, key);
					expect(again.headers.get("idempotency-replayed")).toBe("true");
					expect(again.text).toBe(first.text);
					ids.set(idOf(first), space);
				}
				expect(ids.size).toBe(3);
				const plainly = await as("", line, body, key);
				expect(plainly.headers.get("idempotency-replayed")).toBe("true");
				expect(ids.get(idOf(plainly))).toBe("default");
				const inDefault = await as("default", line, body, key);
				const location = plainly.headers.get("location");
				expect(inDefault.headers.get("location")).toBe(location && `/spaces/default${location}`);
				const mismatch = await as("other", line, otherBody, key);
				expect([mismatch.status, errorOf(mismatch).type]).toEqual([422, "idempotency_mismatch"]);
			}
		});

		test("a unique_key is of its space, and default has one set under both addresses", async () => {
			const enqueue = (space: string) =>
				as(space, "POST /jobs", { kind: "k", queue: "u", unique_key: "same" });
			const made = [await enqueue("acme"), await enqueue("other"), await enqueue("default")];
			expect(made.map(({ status }) => status)).toEqual([202, 202, 202]);
			expect(new Set(made.map(idOf)).size).toBe(3);
			const again = [await enqueue("acme"), await enqueue("other"), await enqueue("")];
			expect(again.map((answer) => [answer.status, idOf(answer)])).toEqual(
				made.map((answer) => [200, idOf(answer)]),
			);
		});

		test("jobs are leased in their space alone, at once and by who waits", async () => {
			const lease = (space: string, more: object = {}) =>
				as(space, "POST /jobs/lease", { worker: "w", queues: ["leases"], limit: 10, ...more });
			const enqueue = async (space: string) =>
				idOf(await as(space, "POST /jobs", { kind: "k", queue: "leases" }));
			const own = [await enqueue("acme"), await enqueue("acme")];
			const inDefault = await enqueue("");
			expect(pageOf(await lease("other")).items).toEqual([]);
			expect(pageOf(await lease("acme")).items.map(({ id }) => id)).toEqual(own);
			expect(pageOf(await lease("default")).items.map(({ id }) => id)).toEqual([inDefault]);
			const waiting = lease("acme", { wait_seconds: 20 });
			const others = [await enqueue("other"), await enqueue("")];
			const wanted = await enqueue("acme");
			expect(pageOf(await waiting).items.map(({ id }) => id)).toEqual([wanted]);
			expect(pageOf(await lease("other")).items.map(({ id }) => id)).toEqual(others.slice(0, 1));
			expect(pageOf(await lease("")).items.map(({ id }) => id)).toEqual(others.slice(1));
		});

		test("tasks are claimed, and their claims, comments and events listed, in their space alone", async () => {
			const label = { label: "claims" };
			const claim = (space: string, more: object = {}) =>
				as(space, "POST /collab/tasks/claim", { ...label, ...more });
			const create = async (space: string) =>
				idOf(await as(space, "POST /collab/tasks", { title: "x", labels: ["claims"] }));
			const claimed = ({ json }: Answer) => (json as { task: { id: string } }).task.id;
			const [task, inDefault] = [await create("acme"), await create("")];
			expect((await claim("other")).status).toBe(204);
			expect(claimed(await claim("acme"))).toBe(task);
			expect(claimed(await claim("default"))).toBe(inDefault);
			const waiting = claim("acme", { wait_seconds: 20 });
			const others = [await create("other"), await create("")];
			const wanted = await create("acme");
			expect(claimed(await waiting)).toBe(wanted);
			expect(claimed(await claim("other"))).toBe(others[0] ?? "");
			expect(claimed(await claim(""))).toBe(others[1] ?? "");
			const claimsOf = async (space: string, query = "") =>
				(
					(await as(space, `GET /collab/claims${query}`)).json as { items: readonly { task: string }[] }
				).items.map((one) => one.task);
			expect(await claimsOf("acme")).toEqual([task, wanted]);
			expect(await claimsOf("other", "?mine=true")).toEqual(others.slice(0, 1));
			expect(await claimsOf("default")).toEqual([inDefault, ...others.slice(1)]);
			expect(await claimsOf("other", `?task=${task}`)).toEqual([]);

			const comment = idOf(await as("acme", `POST /collab/tasks/${task}/comments`, { body: "a word" }));
			for (const [space, of] of [
				["other", task],
				["other", others[0]],
				["", inDefault],
			] as const) {
				const gone = await as(space, `DELETE /collab/tasks/${of}/comments/${comment}`);
				expect([space, gone.status]).toEqual([space, 404]);
				expect(pageOf(await as(space, `GET /events?task=${task}`)).items).toEqual([]);
			}
			const events = pageOf(await as("acme", `GET /events?task=${task}`)).items as unknown as {
				type: string;
			}[];
			expect(events.map(({ type }) => type)).toEqual(["task.created", "task.claimed", "task.commented"]);
			expect(pageOf(await as("acme", `GET /collab/tasks/${task}/comments`)).items).toHaveLength(1);
		});

		test("in its space it has the line of the log, the request's id and the methods that it has in default", async () => {
			const page = { origin: "http://localhost:3001" };
			for (const space of ["", "default", "acme"]) {
				const prefix = space === "" ? "" : `/spaces/${space}`;
				for (const [line, status] of [
					["HEAD /collab/state/tasks", 200],
					["HEAD /jobs", 200],
					["HEAD /events/tail", 200],
					["OPTIONS /collab/tasks", 204],
					["PUT /jobs", 405],
					["GET /collab/nothing", 404],
				] as const) {
					const requestId = `line-${space}-${line.replace(/\W/g, "-")}`;
					const preflight = line.startsWith("OPTIONS") ? { "access-control-request-method": "POST" } : {};
					const answer = await as(space, line, undefined, {
						...page,
						...preflight,
						"x-request-id": requestId,
					});
					expect([space, line, answer.status]).toEqual([space, line, status]);
					expect(answer.headers.get("access-control-allow-origin")).toBe("http://localhost:3001");
					if (status === 405) expect(answer.headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");
					const [logged, ...more] = lines.filter((entry) => entry.requestId === requestId);
					expect(more).toEqual([]);
					const [method, path] = line.split(" ");
					expect(logged).toMatchObject({ method, path: `${prefix}${path}`, status });
				}
			}
		});

		test("odd addresses: the name is decoded, is one segment, and has one of the parts of a space behind it", async () => {
			const headers = { authorization: server.bearer };
			const created = await ask(server, "POST /spaces/%64efault/collab/tasks", {
				headers,
				body: { title: "x" },
			});
			expect(created.status).toBe(200);
			expect(created.headers.get("location")).toStartWith("/spaces/%64efault/collab/tasks/");
			expect((await as("", `GET /collab/tasks/${idOf(created)}`)).text).toBe(created.text);
			expect((await ask(server, "GET /spaces/%61cme", { headers })).status).toBe(200);
			for (const [path, message] of [
				["/spaces//collab/state/tasks", "There is nothing at this path."],
				["/spaces/a/b/collab/state/tasks", "There is nothing at this path."],
				["/spaces/acme/auth/me", "There is nothing at this path."],
				["/spaces/acme/healthz", "There is nothing at this path."],
				["/spaces/acme/metrics", "There is nothing at this path."],
				["/spaces/acme/spaces/acme", "There is nothing at this path."],
				["/spaces/acme/spaces/acme/jobs", "There is nothing at this path."],
				["/spaces/acme/collab", "There is nothing at this path."],
				["/spaces/acme/jobsx", "There is nothing at this path."],
				["/spaces/acme//jobs", "There is nothing at this path."],
				["/SPACES/acme/jobs", "There is nothing at this path."],
				["/spaces/ACME/jobs", "There is no such space."],
				["/spaces/acme%20/jobs", "There is no such space."],
				["/spaces/acme%2fjobs/jobs", "There is no such space."],
				["/spaces/%00/jobs", "There is no such space."],
				["/spaces/acme%00/collab/state/tasks", "There is no such space."],
				["/spaces/%00", "There is no such space."],
				["/spaces/%00/members", "There is no such space."],
				["/spaces/%zz/jobs", "There is no such space."],
				["/spaces/%ff", "There is no such space."],
				[`/spaces/${"a".repeat(10_240)}/jobs`, "There is no such space."],
				[`/spaces/${"a".repeat(10_240)}`, "There is no such space."],
				["/spaces/acme/../nowhere/jobs", "There is no such space."],
			] as const) {
				const { status, body } = await sendRaw(
					server.url,
					`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${server.bearer}\r\n\r\n`,
				);
				expect([path, status, JSON.parse(body).message]).toEqual([path, 404, message]);
			}
			const key = { authorization: "", "x-api-key": testApiKey };
			expect((await as("acme", "GET /jobs", undefined, key)).status).toBe(404);
			expect((await as("default", "GET /jobs", undefined, key)).status).toBe(200);
		});
	});

	describe(`the same requests in a space and in default on ${name}`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl(), READS: "login" });
		const as = asking(server);
		await addSpace(server, "acme");

		test("have the same statuses, headers and bytes, but for ids, times and the prefix", async () => {
			const transcripts = [];
			for (const space of ["", "acme"]) transcripts.push(await transcriptOf(space));
			expect(transcripts[1]).toEqual(transcripts[0] as never);
		});

		async function transcriptOf(space: string): Promise<readonly unknown[]> {
			const said: unknown[] = [];
			const names = new Map<string, string>();
			const anonymous = (text: string) =>
				text
					.replaceAll("/orchestrator/spaces/acme", "/orchestrator")
					.replaceAll("/spaces/acme", "")
					.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => {
						if (!names.has(id)) names.set(id, `id-${names.size}`);
						return names.get(id) ?? "";
					})
					.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "time")
					.replace(/"rank":"\w+"/g, "rank")
					.replace(/"oldest_queued_seconds":[\d.]+/g, "oldest")
					.replace(/"(id|next_after)":"?\d+"?/g, '"$1":"number"')
					.replace(/"requestid":"[^"]+"|"request_id":"[^"]+"/g, "request")
					.replace(/cursor=[^&>]+|"next_cursor":"[^"]+"/g, "cursor");
			const run = async (line: Line, body?: unknown, more?: Record<string, string>) => {
				const answer = await as(space, line, body, more);
				const headers = Object.fromEntries(answer.headers);
				for (const name of ["date", "x-request-id", "x-event-id", "etag", "content-length"]) {
					if (headers[name] !== undefined) headers[name] = name;
				}
				said.push([
					line.split(" ")[0],
					answer.status,
					anonymous(JSON.stringify(headers)),
					anonymous(answer.text),
				]);
				return answer;
			};
			const task = await run("POST /collab/tasks", { title: "one" }, { "idempotency-key": "k" });
			await run("POST /collab/tasks", { title: "one" }, { "idempotency-key": "k" });
			await run("POST /collab/tasks", { title: "" });
			const path = `/collab/tasks/${idOf(task)}` as const;
			const tag = { "if-match": task.headers.get("etag") ?? "" };
			await run(`PATCH ${path}`, { title: "two" }, tag);
			await run(`PATCH ${path}`, { title: "three" }, tag);
			await run(`PATCH ${path}`, { title: "three" });
			await run(`GET ${path}`);
			await run("POST /collab/tasks", { title: "second" });
			await run("GET /collab/state/tasks");
			await run("GET /collab/state/tasks?limit=1&order=asc");
			await run("GET /collab/state/tasks?limit=0");
			await run(`DELETE ${path}`, undefined, { "if-match": "*" });
			await run(`GET ${path}`);
			await run("POST /jobs", { kind: "k", unique_key: "u" }, { "idempotency-key": "k" });
			await run("POST /jobs", { kind: "k", unique_key: "u" });
			await run("POST /jobs/batch", { jobs: [{ kind: "b" }, { kind: "c", run_at: "2999-01-01T00:00:00Z" }] });
			const [job] = pageOf(await run("POST /jobs/lease", { worker: "w", lease_seconds: 60 })).items;
			const fence = job?.lease?.fence;
			await run(`POST /jobs/${job?.id}/heartbeat`, { fence, progress: 50 });
			await run(`POST /jobs/${job?.id}/complete`, { fence: 99 });
			await run(`POST /jobs/${job?.id}/complete`, { fence, result: { a: 1 } });
			await run(`POST /jobs/${job?.id}/cancel`);
			await run("GET /jobs?limit=1");
			await run("GET /jobs?state=queued&brief=x");
			await run("GET /jobs/stats");
			await run("GET /events?types=job.*");
			await run("GET /events?types=nothing");
			return said;
		}
	});
}
