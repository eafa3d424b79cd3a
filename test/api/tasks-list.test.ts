import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { type TaskBody, taskOf, taskVerbs } from "../support/tasks.ts";

interface Page {
	readonly items: readonly (TaskBody & { readonly etag?: string })[];
	readonly kind: string;
	readonly next_cursor?: string;
}

const pageOf = ({ json }: Answer) => json as Page;
const titlesOf = (answer: Answer) => pageOf(answer).items.map(({ title }) => title);
const unknownId = "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77";

for (const { name, newUrl } of everyDatabase) {
	describe(name, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const { create, patch, remove, post } = taskVerbs(server);
		const list = (query = "", headers: Readonly<Record<string, string>> = {}) =>
			ask(server, `GET /collab/state/tasks${query}`, { headers });
		const stats = (headers: Readonly<Record<string, string>> = {}) =>
			ask(server, "GET /collab/tasks/stats", { headers });

		const plain = await create({ title: "plain" });
		const urgent = await create({
			title: "Urgent invoice",
			description: "Write to the Größe courier",
			priority: 5,
			labels: ["a", "b"],
			due_at: "2026-01-01T00:00:00Z",
		});
		const part = await create({ title: "part", parent: plain.id, blocked_by: [urgent.id], assignee: "ann" });
		const done = await create({ title: "done", labels: ["a"], status: "done", assignee: "Ann" });
		const low = await create({ title: "low", priority: -5, metadata: { a: 1 }, description: "x" });

		test.each([
			["", ["low", "done", "part", "Urgent invoice", "plain"]],
			["?order=asc", ["plain", "Urgent invoice", "part", "done", "low"]],
			["?status=open", ["low", "part", "Urgent invoice", "plain"]],
			["?status=done", ["done"]],
			["?status=done&status=waiting", ["done"]],
			[
				"?status=done&status=done&status=open&sort=created",
				["low", "done", "part", "Urgent invoice", "plain"],
			],
			["?label=a", ["done", "Urgent invoice"]],
			["?label=a&label=b", ["Urgent invoice"]],
			["?label=A", []],
			["?label=a&status=done", ["done"]],
			["?assignee=ann", ["part"]],
			["?assignee=", ["low", "Urgent invoice", "plain"]],
			["?claimed_by=", ["low", "done", "part", "Urgent invoice", "plain"]],
			["?claimed_by=nobody", []],
			[`?parent=${plain.id}`, ["part"]],
			["?parent=&status=open", ["low", "Urgent invoice", "plain"]],
			[`?parent=${unknownId}`, []],
			["?parent=none", []],
			[`?parent=${plain.id.toUpperCase()}`, []],
			[`?blocked_by=${urgent.id}`, ["part"]],
			["?blocked_by=", ["low", "done", "Urgent invoice", "plain"]],
			["?blocked_by=x", []],
			["?due_before=2026-01-01T00:00:00.001Z", ["Urgent invoice"]],
			["?due_before=2026-01-01T01:00:00%2B01:00", []],
			[`?number=${part.number}`, ["part"]],
			["?number=999", []],
			["?ready=true", ["low", "Urgent invoice", "plain"]],
			["?ready=true&sort=priority", ["Urgent invoice", "plain", "low"]],
			["?ready=true&status=done", []],
			["?sort=priority", ["Urgent invoice", "plain", "part", "done", "low"]],
			["?sort=priority&order=asc", ["low", "done", "part", "plain", "Urgent invoice"]],
			["?sort=updated", ["low", "done", "part", "Urgent invoice", "plain"]],
			["?sort=status_since", ["low", "done", "part", "Urgent invoice", "plain"]],
			["?q=cour", ["Urgent invoice"]],
			["?q=GR%C3%96SSE", []],
			["?q=gr%C3%B6%C3%9Fe+INV", ["Urgent invoice"]],
			["?q=ourier", []],
			["?q=%27%25_--+part", ["part"]],
		])("%s lists %j", async (query, titles) => {
			const answer = await list(query);
			expect([answer.status, titlesOf(answer)]).toEqual([200, titles]);
			expect(pageOf(answer).next_cursor).toBeUndefined();
			expect(answer.headers.get("link")).toBeNull();
			const reached: string[] = [];
			for (
				let next: string | undefined = `/collab/state/tasks${query}${query === "" ? "?" : "&"}limit=1`;
				next;
			) {
				const page: Answer = await ask(server, `GET ${next as `/${string}`}`);
				expect(page.status).toBe(200);
				reached.push(...titlesOf(page));
				next = /^<(.+)>; rel="next"$/.exec(page.headers.get("link") ?? "")?.[1];
			}
			expect(reached).toEqual(titles);
		});

		test.each([
			["?status=", ["/status/0"]],
			["?status=Open", ["/status/0"]],
			["?status=open&status=x", ["/status/1"]],
			["?label=", ["/label/0"]],
			["?label=a&label=", ["/label/1"]],
			["?assignee=a&assignee=b", ["/assignee"]],
			["?claimed_by=a&claimed_by=a", ["/claimed_by"]],
			["?parent=&parent=", ["/parent"]],
			["?blocked_by=&blocked_by=", ["/blocked_by"]],
			["?due_before=", ["/due_before"]],
			["?due_before=today", ["/due_before"]],
			["?due_before=2026-13-01T00:00:00Z", ["/due_before"]],
			["?number=0", ["/number"]],
			["?number=", ["/number"]],
			["?number=a", ["/number"]],
			["?number=1&number=1", ["/number"]],
			["?ready=false", ["/ready"]],
			["?ready=", ["/ready"]],
			["?brief=1", ["/brief"]],
			["?q=", ["/q"]],
			["?q=%21%21", ["/q"]],
			["?q=a&q=b", ["/q"]],
			[`?q=${"a".repeat(201)}`, ["/q"]],
			["?q=a+b+c+d+e+f+g+h+i+j+k", ["/q"]],
			["?q=%00a", ["/q"]],
			["?assignee=%00", ["/assignee"]],
			["?sort=rank", ["/sort"]],
			["?sort=created&sort=created", ["/sort"]],
			["?q=%21&due_before=2026-02-30x&cursor=x", ["/due_before"]],
			["?q=%21&cursor=x", ["/cursor", "/q"]],
			["?status=x&limit=0&x=1", ["/limit", "/status/0", "/x"]],
		])("%s is 422 at %j", async (query, paths) => {
			const answer = await list(query);
			expect(answer.status).toBe(422);
			expect(
				errorOf(answer)
					.details?.map(({ path }) => path)
					.sort(),
			).toEqual(paths);
		});

		test("a cursor belongs to its query, all but the limit", async () => {
			const query = "status=open&label=a&label=b&sort=priority&q=inv&brief=true&assignee=";
			const many = await list("?limit=1&status=open&status=done&sort=priority");
			const cursor = pageOf(many).next_cursor ?? "";
			const ok = await list(`?cursor=${cursor}&limit=2&status=done&status=open&sort=priority`);
			expect([ok.status, titlesOf(ok)]).toEqual([200, ["plain", "part"]]);
			for (const other of [
				"sort=priority&status=open",
				"status=open&status=done",
				"status=open&status=done&sort=priority&order=asc",
				"status=open&status=done&sort=priority&brief=true",
				"status=open&status=done&sort=priority&q=a",
				"status=open&status=done&sort=priority&assignee=",
				query,
			]) {
				const answer = await list(`?cursor=${cursor}&${other}`);
				expect([other, answer.status]).toEqual([other, 422]);
				expect(errorOf(answer).details?.map(({ path }) => path)).toEqual(["/cursor"]);
			}
		});

		test("Link has all parameters of the query", async () => {
			const answer = await list(
				"?limit=1&label=a&status=open&status=done&q=d+%26+x&blocked_by=&sort=updated&order=asc",
			);
			expect(answer.status).toBe(200);
			const first = await list(
				"?limit=1&status=open&status=done&blocked_by=&sort=updated&order=asc&brief=true&q=p",
			);
			const link = /^<(.+)>; rel="next"$/.exec(first.headers.get("link") ?? "")?.[1];
			if (link === undefined) {
				expect(pageOf(first).next_cursor).toBeUndefined();
				return;
			}
			const next = new URLSearchParams(link.split("?")[1]);
			expect(next.getAll("status")).toEqual(["open", "done"]);
			expect([
				next.get("blocked_by"),
				next.get("sort"),
				next.get("order"),
				next.get("brief"),
				next.get("q"),
				next.get("limit"),
			]).toEqual(["", "updated", "asc", "true", "p", "1"]);
		});

		test("brief items have the ETag of the whole task, and neither description nor metadata", async () => {
			const { items } = pageOf(await list("?brief=true"));
			for (const item of items) {
				const whole = await ask(server, `GET /collab/tasks/${item.id}`);
				const { description: _, metadata: __, ...rest } = taskOf(whole) as TaskBody & { description: string };
				expect(item as unknown).toEqual({ ...rest, etag: whole.headers.get("etag") });
			}
			const etag = items[0]?.etag ?? "";
			expect((await patch(items[0]?.id ?? "", { priority: -5 }, etag)).status).toBe(200);
		});

		test("each list has its own ETag, which the same list answers with 304 and X-Event-Id", async () => {
			for (const query of ["?ready=true", "?brief=true", "?q=part&sort=priority"]) {
				const answer = await list(query);
				const etag = answer.headers.get("etag") ?? "";
				expect(etag).toBe(`"${createHash("sha256").update(answer.text).digest("hex")}"`);
				const again = await list(query, { "if-none-match": etag });
				expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
				expect(again.headers.get("x-event-id")).toBe(answer.headers.get("x-event-id"));
			}
		});

		test("an update moves a task to the front of `updated`, a status to that of `status_since`", async () => {
			await patch(plain.id, { title: "plain again" });
			expect(titlesOf(await list("?sort=updated&limit=1"))).toEqual(["plain again"]);
			expect(titlesOf(await list("?sort=status_since&limit=1"))).toEqual(["low"]);
			await patch(urgent.id, { status: "done" });
			expect(titlesOf(await list("?sort=status_since&limit=1"))).toEqual(["Urgent invoice"]);
			expect(titlesOf(await list("?ready=true&sort=priority"))).toEqual(["plain again", "part", "low"]);
			await patch(urgent.id, { status: "open" });
			await patch(plain.id, { title: "plain" });
		});

		test("a list includes all changes up to its X-Event-Id, readiness among them", async () => {
			const before = await list("?ready=true&limit=1");
			const blocker = await create({ title: "blocker" });
			const waits = await create({ title: "waits", blocked_by: [blocker.id] });
			expect(titlesOf(await list("?ready=true&limit=1"))).toEqual(["blocker"]);
			await patch(blocker.id, { status: "done" });
			const after = await list("?ready=true&limit=1");
			expect(titlesOf(after)).toEqual(["waits"]);
			expect(Number(after.headers.get("x-event-id"))).toBeGreaterThan(
				Number(before.headers.get("x-event-id")),
			);
			await remove(waits.id);
			await remove(blocker.id);
		});

		test("tasks are counted by status, with ETag and X-Event-Id", async () => {
			const answer = await stats();
			expect(answer.text).toBe(
				'{"items":[{"count":4,"status":"open"},{"count":0,"status":"in_progress"},{"count":0,"status":"waiting"},{"count":1,"status":"done"},{"count":0,"status":"cancelled"}],"kind":"task_stats"}',
			);
			const etag = answer.headers.get("etag") ?? "";
			expect(etag).toBe(`"${createHash("sha256").update(answer.text).digest("hex")}"`);
			expect(answer.headers.get("x-event-id")).toBe((await list("?limit=1")).headers.get("x-event-id"));
			expect((await stats({ "if-none-match": etag })).status).toBe(304);
			await patch(done.id, { status: "cancelled" });
			expect((await stats({ "if-none-match": etag })).text).toContain('{"count":1,"status":"cancelled"}');
			await patch(done.id, { status: "done" });
			expect((await stats()).headers.get("etag")).toBe(etag);
			expect((await ask(server, "POST /collab/tasks/stats")).status).toBe(405);
		});

		test("a page ends after 4 MiB of tasks, in whatever text", async () => {
			const description = "\u0001".repeat(20_000);
			const made = await Promise.all(
				Array.from({ length: 40 }, () => post({ title: "long", description, labels: ["long"] })),
			);
			expect(made.map(({ status }) => status)).toEqual(made.map(() => 200));
			const first = await list("?label=long&limit=1000");
			// A character is 6 bytes in JSON, so a task is over 120,000 bytes.
			expect(pageOf(first).items).toHaveLength(35);
			const next = await list(`?label=long&limit=1000&cursor=${pageOf(first).next_cursor}`);
			expect(pageOf(next).items).toHaveLength(5);
			expect(pageOf(next).next_cursor).toBeUndefined();
			expect(pageOf(await list("?label=long&limit=1000&brief=true")).items).toHaveLength(40);
			expect(low.number).toBe(5);
		});
	});
}
