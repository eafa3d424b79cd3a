import { describe, expect, test } from "bun:test";
import { canonical, sha256 } from "../../src/kernel/canonical.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer } from "../support/server.ts";

interface TaskBody {
	readonly description: string;
	readonly id: string;
	readonly title: string;
	readonly version: number;
}

for (const { name, newUrl } of everyDatabase) {
	describe(name, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const authorization = server.bearer;

		async function create(title: string, body: object = {}) {
			const answer = await ask(server, "POST /collab/tasks", {
				headers: { authorization },
				body: { title, ...body },
			});
			expect(answer.status).toBe(200);
			return { ...(answer.json as TaskBody), etag: answer.headers.get("etag") ?? "", answer };
		}

		const patch = (
			id: string,
			ifMatch: string | undefined,
			body: unknown,
			contentType = "application/json",
		) =>
			ask(server, `PATCH /collab/tasks/${id}`, {
				headers: { authorization, ...(ifMatch !== undefined && { "if-match": ifMatch }) },
				body,
				contentType,
			});

		test("create returns the whole task, with Location and ETag", async () => {
			const { id, answer } = await create("Choose a courier");
			expect(answer.json).toMatchObject({ description: "", id, title: "Choose a courier", version: 1 });
			expect(answer.text).toBe(canonical(answer.json));
			expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
			expect(answer.headers.get("location")).toBe(`/collab/tasks/${id}`);
			expect(answer.headers.get("content-type")).toBe("application/json");
			expect(answer.headers.get("idempotency-replayed")).toBeNull();
			const got = await ask(server, `GET /collab/tasks/${id}`);
			expect(got.text).toBe(answer.text);
			expect(got.headers.get("etag")).toBe(answer.headers.get("etag"));
		});

		test("the ETag of a task and of a list is the SHA-256 of the body", async () => {
			const { id } = await create("Grüße, 世界 👩‍🚀 \u2028", { description: '"\\\n\u0001' });
			for (const path of [
				`/collab/tasks/${id}`,
				"/collab/state/tasks",
				"/collab/state/tasks?limit=1",
			] as const) {
				const answer = await ask(server, `GET ${path}`);
				expect(answer.headers.get("etag")).toBe(`"${sha256(answer.text)}"`);
				expect(answer.headers.get("cache-control")).toBe("no-cache, no-transform");
			}
		});

		test("no body with an ETag may be transformed on its way, whatever the response", async () => {
			const { id, etag, answer } = await create("as it is");
			const stale = await patch(id, '"other"', { title: "x" });
			const missing = await patch(id, undefined, { title: "x" });
			const changed = await patch(id, etag, { title: "changed" });
			const found = await ask(server, `GET /collab/tasks/${id}`);
			const invalid = await patch(id, "*", { title: "" });
			const control = [answer, stale, missing, changed, found, invalid].map(({ status, headers }) => [
				status,
				headers.has("etag"),
				headers.get("cache-control"),
			]);
			expect(control).toEqual([
				[200, true, "private, no-cache, no-transform"],
				[412, true, "no-store, no-transform"],
				[428, true, "no-store, no-transform"],
				[200, true, "private, no-cache, no-transform"],
				[200, true, "no-cache, no-transform"],
				[422, false, "no-store"],
			]);
		});

		test("If-None-Match gives 304 with the headers that a cache needs, and no body", async () => {
			const { id, etag } = await create("cached");
			const known = [etag, `W/${etag}`, "*", `"a", ${etag}`, `W/"x,y" , W/${etag}`];
			for (const header of known) {
				const answer = await ask(server, `GET /collab/tasks/${id}`, { headers: { "if-none-match": header } });
				expect([header, answer.status, answer.text]).toEqual([header, 304, ""]);
				expect(answer.headers.get("etag")).toBe(etag);
				expect(answer.headers.get("cache-control")).toBe("no-cache, no-transform");
				expect(answer.headers.get("vary")).toBe("Origin");
				expect(answer.headers.get("content-type")).toBeNull();
				expect(answer.headers.get("content-length")).toBeNull();
			}
			for (const header of [
				`"${"0".repeat(64)}"`,
				etag.slice(1, -1),
				`"x${etag}`,
				"",
				`${etag.slice(0, -1)}`,
			]) {
				const answer = await ask(server, `GET /collab/tasks/${id}`, { headers: { "if-none-match": header } });
				expect([header, answer.status]).toEqual([header, 200]);
			}
			const list = await ask(server, "GET /collab/state/tasks");
			const again = await ask(server, "GET /collab/state/tasks", {
				headers: { "if-none-match": list.headers.get("etag") ?? "" },
			});
			expect(again.status).toBe(304);
			expect(again.headers.get("x-event-id")).toBe(list.headers.get("x-event-id"));
			await create("one more");
			const changed = await ask(server, "GET /collab/state/tasks", {
				headers: { "if-none-match": list.headers.get("etag") ?? "" },
			});
			expect(changed.status).toBe(200);
		});

		test("a patch with the current ETag makes the next version; the old ETag then gets 412 with the new one", async () => {
			const { id, etag } = await create("first");
			const changed = await patch(id, etag, { title: "second" });
			expect(changed.status).toBe(200);
			expect(changed.json).toMatchObject({ description: "", id, title: "second", version: 2 });
			expect(changed.headers.get("etag")).toBe(`"${sha256(changed.text)}"`);
			const stale = await patch(id, etag, { title: "third" });
			expect(stale.status).toBe(412);
			expect(errorOf(stale).type).toBe("precondition_failed");
			expect(stale.headers.get("etag")).toBe(changed.headers.get("etag"));
			expect((await ask(server, `GET /collab/tasks/${id}`)).text).toBe(changed.text);
		});

		test("a merge patch may have its own media type, and null resets the description", async () => {
			const { id, etag } = await create("patched", { description: "long" });
			const merged = await patch(
				id,
				etag,
				{ description: null },
				"application/merge-patch+json; charset=utf-8",
			);
			expect(merged.json).toMatchObject({ description: "", id, title: "patched", version: 2 });
			const refused = await patch(id, "*", { title: null });
			expect(refused.status).toBe(422);
			expect(errorOf(refused).details?.map(({ path }) => path)).toEqual(["/title"]);
		});

		test("a patch that changes nothing keeps version, ETag and event number", async () => {
			const { id, etag, answer } = await create("same", { description: "text" });
			const before = (await ask(server, "GET /collab/state/tasks")).headers.get("x-event-id");
			for (const body of [{}, { title: "same" }, { description: "text", title: "same" }]) {
				const patched = await patch(id, etag, body);
				expect([patched.status, patched.text, patched.headers.get("etag")]).toEqual([200, answer.text, etag]);
			}
			expect((await ask(server, "GET /collab/state/tasks")).headers.get("x-event-id")).toBe(before);
		});

		test("delete needs the ETag, is 204 without a body, and the task is gone", async () => {
			const { id, etag } = await create("short-lived");
			const remove = (ifMatch?: string) =>
				ask(server, `DELETE /collab/tasks/${id}`, {
					headers: { authorization, ...(ifMatch !== undefined && { "if-match": ifMatch }) },
				});
			expect((await remove()).status).toBe(428);
			expect((await remove('"other"')).status).toBe(412);
			const gone = await remove(etag);
			expect([gone.status, gone.text, gone.headers.get("content-type")]).toEqual([204, "", null]);
			expect((await remove(etag)).status).toBe(404);
			expect((await remove()).status).toBe(404);
			expect((await ask(server, `GET /collab/tasks/${id}`)).status).toBe(404);
		});

		test("If-Match compares strongly, and a malformed one is not the same as another version", async () => {
			const { id, etag } = await create("judged");
			const stale = `"${"0".repeat(64)}"`;
			const cases: readonly [string | undefined, number, string][] = [
				[undefined, 428, "precondition_required"],
				[stale, 412, "precondition_failed"],
				[`W/${etag}`, 412, "precondition_failed"],
				[`${stale}, W/${etag}`, 412, "precondition_failed"],
				['"with,comma", ""', 412, "precondition_failed"],
				[`*, ${etag}`, 400, "bad_request"],
				[`${etag}, *`, 400, "bad_request"],
				["*, *", 400, "bad_request"],
				["", 400, "bad_request"],
				[",", 400, "bad_request"],
				[etag.slice(1, -1), 400, "bad_request"],
				[etag.slice(0, -1), 400, "bad_request"],
				[`${etag} ${etag}`, 400, "bad_request"],
				[`w/${etag}`, 400, "bad_request"],
				['"a b"', 400, "bad_request"],
			];
			for (const [header, status, type] of cases) {
				const answer = await patch(id, header, { title: "must not be" });
				expect([header, answer.status, errorOf(answer).type]).toEqual([header, status, type]);
				expect(answer.headers.get("etag")).toBe(status === 400 ? null : etag);
			}
			expect((await patch(id, `${stale} ,\t${etag}`, { title: "2" })).status).toBe(200);
			expect((await patch(id, "*", { title: "3" })).json).toMatchObject({ title: "3", version: 3 });
		});

		test("the order of checks is authentication, existence, precondition, body", async () => {
			const { id, etag } = await create("ordered");
			const stale = `"${"0".repeat(64)}"`;
			const change = (taskId: string, headers: Record<string, string>, body: string, contentType: string) =>
				ask(server, `PATCH /collab/tasks/${taskId}`, { headers, body, contentType });
			const bodies = [
				["{", "application/json", 400],
				['{"title":1}', "application/json", 422],
				["{}", "text/plain", 415],
				["{}", "", 415],
				[`{"title":"${"x".repeat(1_048_577)}"}`, "application/json", 413],
			] as const;
			for (const [body, type, status] of bodies) {
				const statuses: number[] = [];
				for (const [taskId, headers] of [
					[newId(), {}],
					[newId(), { authorization, "if-match": stale }],
					["no-id", { authorization }],
					[id, { authorization }],
					[id, { authorization, "if-match": stale }],
					[id, { authorization, "if-match": "*, *" }],
					[id, { authorization, "if-match": etag }],
				] as const) {
					statuses.push((await change(taskId, headers, body, type)).status);
				}
				expect([type, statuses]).toEqual([type, [401, 404, 404, 428, 412, 400, status]]);
			}
			expect((await ask(server, `GET /collab/tasks/${id}`)).headers.get("etag")).toBe(etag);
		});

		test("of 64 concurrent updates with one ETag exactly one succeeds", async () => {
			const { id, etag } = await create("contended");
			const answers = await Promise.all(
				Array.from({ length: 64 }, (_, index) => patch(id, etag, { title: `writer ${index}` })),
			);
			const winners = answers.filter(({ status }) => status === 200);
			expect(winners).toHaveLength(1);
			expect(answers.filter(({ status }) => status === 412)).toHaveLength(63);
			const current = await ask(server, `GET /collab/tasks/${id}`);
			expect(current.text).toBe(winners[0]?.text ?? "");
			expect((current.json as TaskBody).version).toBe(2);
			for (const { status, headers } of answers) {
				if (status === 412) expect(headers.get("etag")).toBe(current.headers.get("etag"));
			}
		});

		test("every client reads an acknowledged change at once", async () => {
			for (let n = 1; n <= 20; n++) {
				const { id, etag, answer } = await create(`fresh ${n}`);
				expect((await ask(server, "GET /collab/state/tasks?limit=1")).text).toContain(answer.text);
				const changed = await patch(id, etag, { description: `${n}` });
				expect((await ask(server, `GET /collab/tasks/${id}`)).text).toBe(changed.text);
				expect((await ask(server, "GET /collab/state/tasks?limit=1")).text).toContain(changed.text);
			}
		});

		test("lengths count code points, and white space alone is not a title", async () => {
			const emoji = "👩";
			expect((await create(emoji.repeat(200))).title).toBe(emoji.repeat(200));
			expect((await create("x", { description: emoji.repeat(20_000) })).description).toHaveLength(40_000);
			for (const [body, path] of [
				[{ title: emoji.repeat(201) }, "/title"],
				[{ title: "" }, "/title"],
				[{ title: " \t\u00a0\u3000" }, "/title"],
				[{ title: "x", description: emoji.repeat(20_001) }, "/description"],
			] as const) {
				const answer = await ask(server, "POST /collab/tasks", { headers: { authorization }, body });
				expect([path, answer.status]).toEqual([path, 422]);
				expect(errorOf(answer).details?.map((fault) => fault.path)).toEqual([path]);
			}
		});
	});
}
