import { describe, expect, test } from "bun:test";
import { canonical } from "../../src/kernel/canonical.ts";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { durableDatabases } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { expectConsistent, type TaskBody, taskVerbs } from "../support/tasks.ts";

function itemsOf(answer: Answer): readonly TaskBody[] {
	expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
	return (answer.json as { items: readonly TaskBody[] }).items;
}

for (const { name, newUrl } of durableDatabases) {
	describe(name, async () => {
		const url = await newUrl();
		const server = await startServer({ DATABASE_URL: url, MAX_BODY_BYTES: "100000" });
		const { batch, patch, remove, create, events } = taskVerbs(server);

		test("items are in their order, as their events are, and may name earlier ones", async () => {
			const other = await create();
			const before = (await events()).length;
			const answer = await batch({
				tasks: [
					{ title: "a", status: "done" },
					{ title: "b", labels: ["x"] },
					{ title: "c", blocked_by: ["#1", "#0", "#1", other.id], parent: "#0" },
					{ title: "d", blocked_by: ["#0"] },
				],
			});
			const items = itemsOf(answer);
			const [a, b, c, d] = items;
			expect(answer.text).toBe(canonical({ items, kind: "tasks" }));
			expect([answer.headers.get("etag"), answer.headers.get("location")]).toEqual([null, null]);
			expect(items.map(({ title }) => title)).toEqual(["a", "b", "c", "d"]);
			expect(c).toMatchObject({ parent: a?.id, blocked_by: [a?.id, b?.id, other.id].sort() });
			const first = a?.number ?? 0;
			expect(items.map(({ number }) => number)).toEqual([first, first + 1, first + 2, first + 3]);
			const made = (await events()).slice(before);
			expect(made.map(({ type, ready, data }) => [type, ready, canonical(data)])).toEqual(
				items.map((item) => ["task.created", item === b || item === d, canonical(item)]),
			);
			for (const item of items) {
				const one = await ask(server, `GET /collab/tasks/${item.id}`);
				expect(one.json).toEqual(item);
			}
			await expectConsistent(url);
		});

		test("every fault of every task is 422 at its place, and nothing is made", async () => {
			const before = (await events()).length;
			const forward = await batch({
				tasks: [
					{ title: "a", blocked_by: ["#0"] },
					{ title: "b", parent: "#2" },
					{ title: "c", blocked_by: ["#0", "#x", "#-1", "#01", "#"], metadata: { a: "x".repeat(20_000) } },
					{ title: "d", blocked_by: ["#2"], due_at: "0000-01-01T00:00:00+01:00" },
				],
			});
			expect([forward.status, errorOf(forward).details?.map(({ path }) => path)]).toEqual([
				422,
				[
					"/tasks/0/blocked_by/0",
					"/tasks/1/parent",
					"/tasks/2/blocked_by/1",
					"/tasks/2/blocked_by/2",
					"/tasks/2/blocked_by/3",
					"/tasks/2/blocked_by/4",
					"/tasks/2/metadata",
					"/tasks/3/due_at",
				],
			]);
			const shapes = await batch({ tasks: [{ title: "" }, {}, { title: "t", number: 1 }, 1] });
			expect(errorOf(shapes).details?.map(({ path }) => path)).toEqual([
				"/tasks/0/title",
				"/tasks/1/title",
				"/tasks/2/number",
				"/tasks/3",
			]);
			const unknown = await batch({
				tasks: [{ title: "a" }, { title: "b", blocked_by: ["#0", newId()], parent: newId() }],
			});
			expect(errorOf(unknown).details?.map(({ path }) => path)).toEqual([
				"/tasks/1/blocked_by/1",
				"/tasks/1/parent",
			]);
			const tooMany = Array.from({ length: 501 }, () => ({ title: "t" }));
			for (const body of [{ tasks: [] }, { tasks: tooMany }, {}, { tasks: [{ title: "t" }], more: 1 }]) {
				expect((await batch(body)).status).toBe(422);
			}
			expect((await batch({ tasks: [{ title: "t", description: "x".repeat(100_000) }] })).status).toBe(413);
			expect((await ask(server, "POST /collab/tasks/batch", { body: { tasks: [] } })).status).toBe(401);
			expect((await events()).length).toBe(before);
		});

		test("a repeat gives the same items as they are by then, without those that are gone", async () => {
			const headers = { "idempotency-key": "a-batch" };
			const body = { tasks: [{ title: "a" }, { title: "b", blocked_by: ["#0"] }, { title: "c" }] };
			const answers = await Promise.all(Array.from({ length: 5 }, () => batch(body, headers)));
			const [a, b, c] = itemsOf(answers[0] as Answer);
			for (const answer of answers)
				expect(itemsOf(answer).map(({ id }) => id)).toEqual([a?.id, b?.id, c?.id] as string[]);
			expect(answers.filter(({ headers }) => headers.has("idempotency-replayed"))).toHaveLength(4);
			await patch(b?.id ?? "", { title: "B" });
			await remove(a?.id ?? "");
			const before = (await events()).length;
			const again = await batch(body, headers);
			expect(again.headers.get("idempotency-replayed")).toBe("true");
			expect(itemsOf(again).map(({ title, version }) => [title, version])).toEqual([
				["B", 2],
				["c", 1],
			]);
			const other = await batch({ tasks: [{ title: "a" }] }, headers);
			expect([other.status, errorOf(other).type]).toEqual([422, "idempotency_mismatch"]);
			expect((await events()).length).toBe(before);
		});

		test("what failed stores no key", async () => {
			const headers = { "idempotency-key": "failed" };
			const unknown = newId();
			expect((await batch({ tasks: [{ title: "a", blocked_by: [unknown] }] }, headers)).status).toBe(422);
			expect(itemsOf(await batch({ tasks: [{ title: "a" }] }, headers))).toHaveLength(1);
		});

		test("500 tasks are one commit: whoever lists sees all of them or none", async () => {
			const tasks = Array.from({ length: 500 }, (_, n) => ({ title: `t${n}` }));
			const made = batch({ tasks });
			const seen = new Set<number>();
			let isDone = false;
			made.finally(() => {
				isDone = true;
			});
			while (!isDone) {
				const { json } = await ask(server, "GET /collab/state/tasks?limit=1000");
				const { items } = json as { items: readonly TaskBody[] };
				seen.add(items.filter(({ title }) => /^t\d+$/.test(title)).length);
			}
			expect(itemsOf(await made)).toHaveLength(500);
			expect([...seen].every((count) => count === 0 || count === 500)).toBe(true);
			await expectConsistent(url);
		});
	});
}
