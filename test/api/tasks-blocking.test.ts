import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { errorOf } from "../support/ask.ts";
import { durableDatabases } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { expectConsistent, taskOf, taskVerbs } from "../support/tasks.ts";

for (const { name, newUrl } of durableDatabases) {
	describe(name, async () => {
		const url = await newUrl();
		const server = await startServer({ DATABASE_URL: url });
		const { post, patch, remove, batch, create, events } = taskVerbs(server);

		/** The events since a number of them, in short: type, whose, ready or by whom. */
		async function storyOf(run: () => Promise<unknown>) {
			const before = (await events()).length;
			await run();
			const after = (await events()).slice(before);
			return after.map(({ type, subject, ready, data }) => [
				type.slice("task.".length),
				subject.slice("/collab/tasks/".length),
				ready ?? data.by,
			]);
		}

		test("finishing the last blocker frees a task with one event, without a new version", async () => {
			const [a, b] = [await create(), await create()];
			const c = await create({ blocked_by: [b.id, a.id, b.id] });
			expect(c.blocked_by).toEqual([a.id, b.id].sort());
			expect(await storyOf(() => patch(a.id, { status: "done" }))).toEqual([["updated", a.id, false]]);
			expect(await storyOf(() => patch(b.id, { status: "cancelled" }))).toEqual([
				["updated", b.id, false],
				["unblocked", c.id, b.id],
			]);
			const [event] = (await events()).slice(-1);
			expect(event?.data as unknown).toEqual({ by: b.id, id: c.id });
			expect(taskOf(await patch(c.id, {}))).toEqual(c);
			await expectConsistent(url);
		});

		test("reopening a blocker blocks again, without an event for those that wait", async () => {
			const a = await create();
			const b = await create({ blocked_by: [a.id] });
			await patch(a.id, { status: "done" });
			expect(await storyOf(() => patch(a.id, { status: "open" }))).toEqual([["updated", a.id, true]]);
			expect(await storyOf(() => patch(b.id, { title: "b" }))).toEqual([["updated", b.id, false]]);
			expect(await storyOf(() => patch(a.id, { status: "cancelled" }))).toEqual([
				["updated", a.id, false],
				["unblocked", b.id, a.id],
			]);
			// From one finished status to the other nothing changes for those that wait.
			expect(await storyOf(() => patch(a.id, { status: "done" }))).toEqual([["updated", a.id, false]]);
			await expectConsistent(url);
		});

		test("deleting an unfinished blocker frees, a finished one frees nobody, and its id stays until a patch takes it out", async () => {
			const [a, b] = [await create(), await create()];
			const c = await create({ blocked_by: [a.id] });
			const d = await create({ blocked_by: [a.id, b.id] });
			expect(await storyOf(() => remove(a.id))).toEqual([
				["deleted", a.id, false],
				["unblocked", c.id, a.id],
			]);
			await patch(b.id, { status: "done" });
			expect(await storyOf(() => remove(b.id))).toEqual([["deleted", b.id, false]]);
			expect(taskOf(await patch(c.id, { blocked_by: [a.id] })).blocked_by).toEqual([a.id]);
			expect(taskOf(await patch(d.id, { blocked_by: [b.id] })).blocked_by).toEqual([b.id]);
			expect(taskOf(await patch(d.id, { blocked_by: null })).blocked_by).toEqual([]);
			const again = await patch(d.id, { blocked_by: [b.id] });
			expect([again.status, errorOf(again).details]).toEqual([
				422,
				[{ message: "is not the id of a task that is there", path: "/blocked_by/0" }],
			]);
			await expectConsistent(url);
		});

		test("those that are freed together are named oldest first, and finished ones not at all", async () => {
			const blocker = await create();
			const waiting = [];
			for (let n = 0; n < 4; n++) waiting.push(await create({ blocked_by: [blocker.id], status: "waiting" }));
			const [first, second, third, fourth] = waiting.map(({ id }) => id);
			await patch(second ?? "", { status: "done" });
			expect(await storyOf(() => patch(blocker.id, { status: "done" }))).toEqual([
				["updated", blocker.id, false],
				["unblocked", first, blocker.id],
				["unblocked", third, blocker.id],
				["unblocked", fourth, blocker.id],
			]);
			// Finished meanwhile, it counts all the same: reopened, it waits for nothing.
			expect(await storyOf(() => patch(second ?? "", { status: "open" }))).toEqual([
				["updated", second, true],
			]);
			await expectConsistent(url);
		});

		test("unknown ids are 422 at their place, all at once", async () => {
			const { id } = await create();
			const gone = await create();
			await remove(gone.id);
			const body = { title: "t", blocked_by: [id, "x", newId(), id.toUpperCase()], parent: gone.id };
			const paths = ["/blocked_by/1", "/blocked_by/2", "/blocked_by/3", "/parent"];
			for (const answer of [await post(body), await patch(id, body)]) {
				expect([answer.status, errorOf(answer).details?.map(({ path }) => path)]).toEqual([422, paths]);
			}
			const many = Array.from({ length: 51 }, () => id);
			expect(errorOf(await post({ title: "t", blocked_by: many })).details).toEqual([
				{ message: "must not have more than 50 items", path: "/blocked_by" },
			]);
		});

		test("cycles of any length are 409, of blockers and of parents", async () => {
			for (const field of ["blocked_by", "parent"] as const) {
				const value = (id: string) => ({ [field]: field === "parent" ? id : [id] });
				const first = await create();
				let last = first;
				expect(errorOf(await patch(first.id, value(first.id))).type).toBe("conflict");
				for (let length = 2; length <= 6; length++) {
					last = await create(value(last.id));
					const answer = await patch(first.id, value(last.id));
					expect([answer.status, errorOf(answer).type]).toEqual([409, "conflict"]);
				}
				expect(taskOf(await patch(last.id, value(first.id))).version).toBe(2);
			}
			await expectConsistent(url);
		});

		test("of changes that close a cycle together, made at once, exactly one is refused", async () => {
			for (const field of ["blocked_by", "parent"] as const) {
				const value = (id: string) => ({ [field]: field === "parent" ? id : [id] });
				for (const count of [2, 3, 5]) {
					const ring: string[] = [];
					for (let n = 0; n < count; n++) ring.push((await create()).id);
					const answers = await Promise.all(
						ring.map((id, index) => patch(id, value(ring[(index + 1) % count] ?? ""))),
					);
					const statuses = answers.map(({ status }) => status).sort();
					expect(statuses).toEqual([...Array.from({ length: count - 1 }, () => 200), 409]);
				}
			}
			await expectConsistent(url);
		});

		test("a walk over more than 100 parents is refused, one over 100 is not; a new task has none to walk", async () => {
			const tasks = Array.from({ length: 101 }, (_, n) => ({
				title: "t",
				...(n > 0 && { parent: `#${n - 1}` }),
			}));
			const made = await batch({ tasks });
			const items = (made.json as { items: readonly { id: string }[] }).items;
			const { id } = await create();
			expect((await patch(id, { parent: items[99]?.id })).status).toBe(200);
			expect((await patch(id, { parent: null })).status).toBe(200);
			const answer = await patch(id, { parent: items[100]?.id });
			expect([answer.status, errorOf(answer).type]).toEqual([409, "conflict"]);
			expect((await create({ parent: items[100]?.id })).parent).toBe(items[100]?.id ?? "");
		});

		test("a blocker that 1,000 tasks name takes no further one, in a batch either", async () => {
			const blocker = await create();
			const tasks = Array.from({ length: 500 }, () => ({ title: "t", blocked_by: [blocker.id] }));
			expect((await batch({ tasks })).status).toBe(200);
			expect((await batch({ tasks: tasks.slice(0, 499) })).status).toBe(200);
			const before = (await events()).length;
			const two = await batch({ tasks: tasks.slice(0, 2) });
			expect([two.status, errorOf(two).type]).toEqual([409, "conflict"]);
			expect((await events()).length).toBe(before);
			const last = await create({ blocked_by: [blocker.id] });
			expect((await post({ title: "t", blocked_by: [blocker.id] })).status).toBe(409);
			const other = await create();
			expect((await patch(other.id, { blocked_by: [blocker.id] })).status).toBe(409);
			// What names it already may go on to.
			expect((await patch(last.id, { blocked_by: [other.id, blocker.id] })).status).toBe(200);
			await remove(last.id);
			expect((await patch(other.id, { blocked_by: [blocker.id] })).status).toBe(200);
			const story = await storyOf(() => patch(blocker.id, { status: "done" }));
			expect(story).toHaveLength(1001);
			await expectConsistent(url);
		}, 60_000);

		test("a walk over more than 10,000 blockers is refused, one over 10,000 is not", async () => {
			const chain: string[] = [];
			while (chain.length < 10_001) {
				const count = Math.min(500, 10_001 - chain.length);
				const last = chain.at(-1);
				const tasks = Array.from({ length: count }, (_, n) => ({
					title: "t",
					blocked_by: n > 0 ? [`#${n - 1}`] : last === undefined ? [] : [last],
				}));
				const { items } = (await batch({ tasks })).json as { items: readonly { id: string }[] };
				chain.push(...items.map(({ id }) => id));
			}
			const { id } = await create();
			expect((await patch(id, { blocked_by: [chain[9999]] })).status).toBe(200);
			// It is there already, so it is not looked at again.
			const other = await create();
			expect((await patch(id, { blocked_by: [chain[9999], other.id] })).status).toBe(200);
			const answer = await patch(other.id, { blocked_by: [chain[10_000]] });
			expect([answer.status, errorOf(answer).type]).toEqual([409, "conflict"]);
			const closing = await patch(chain[0] ?? "", { blocked_by: [id] });
			expect(closing.status).toBe(409);
			await expectConsistent(url);
		}, 120_000);
	});
}
