import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import type { CreateTask } from "../../src/tasks/commands.ts";
import { systemContext } from "../support/context.ts";
import type { TestStorage } from "../support/storage.ts";
import { pageQuery } from "../support/task-pages.ts";

/** The contract of tasks on every database. `open` returns an empty storage. */
export function taskStoreContract(open: () => Promise<TestStorage>): void {
	function newTask(title: string, more: Partial<CreateTask> = {}): CreateTask {
		return {
			id: newId(),
			author: "Ada",
			task: { title },
			idempotent: undefined,
			now: 1000,
			context: { actor: "system", requestId: "r1", space: 1 },
			...more,
		};
	}

	describe("tasks", () => {
		test("a created task is found as it was returned, with version 1", async () => {
			const { tasks } = await open();
			const change = newTask("one");
			const { id, task, replayed } = await tasks.create(change);
			expect({ id, replayed }).toEqual({ id: change.id, replayed: false });
			const row = await tasks.find(1, id);
			expect(row).toEqual({
				seq: 1,
				updatedSeq: 1,
				space: 1,
				id,
				number: 1,
				title: "one",
				description: "",
				version: 1,
				status: "open",
				statusSince: 1000,
				priority: 0,
				rank: `${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(14, 18)}m`,
				assignee: null,
				claimedBy: null,
				createdBy: "system",
				parent: null,
				blockedBy: "[]",
				openBlockers: 0,
				labels: "[]",
				metadata: "{}",
				note: null,
				dueAt: null,
				deferUntil: null,
				createdAt: 1000,
				updatedAt: 1000,
				etag: task.etag,
			});
			expect(JSON.parse(task.body)).toEqual({
				assignee: null,
				blocked_by: [],
				claimed_by: null,
				created_at: "1970-01-01T00:00:01.000Z",
				created_by: "system",
				defer_until: null,
				description: "",
				due_at: null,
				id,
				labels: [],
				metadata: {},
				note: null,
				number: 1,
				parent: null,
				priority: 0,
				rank: row?.rank,
				status: "open",
				status_since: "1970-01-01T00:00:01.000Z",
				title: "one",
				updated_at: "1970-01-01T00:00:01.000Z",
				version: 1,
			});
		});

		test("of 64 updates with one ETag exactly one succeeds, and the others change nothing", async () => {
			const { tasks } = await open();
			const { id, task } = await tasks.create(newTask("one"));
			const results = await Promise.allSettled(
				Array.from({ length: 64 }, (_, index) =>
					tasks.update({
						id,
						ifMatch: [task.etag],
						author: "Ada",
						patch: { title: `t${index}` },
						now: 2000,
						context: systemContext,
					}),
				),
			);
			const winners = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
			const losers = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
			expect(winners).toHaveLength(1);
			expect(losers).toHaveLength(63);
			for (const loser of losers) {
				expect(loser).toMatchObject({ code: "precondition_failed", details: { etag: winners[0]?.etag } });
			}
			expect(await tasks.find(1, id)).toMatchObject({ version: 2, updatedAt: 2000 });
			expect((await tasks.list(pageQuery({ order: "asc", limit: 10 }))).revision.rev).toBe(2);
		});

		test("a patch that changes nothing keeps version, ETag and log", async () => {
			const { tasks } = await open();
			const { id, task } = await tasks.create(newTask("one"));
			for (const patch of [{}, { title: "one" }, { description: null }]) {
				expect(
					await tasks.update({
						id,
						ifMatch: "any",
						author: "Ada",
						patch,
						now: 2000,
						context: systemContext,
					}),
				).toEqual(task);
			}
			expect(await tasks.list(pageQuery({ order: "asc", limit: 10 }))).toMatchObject({
				revision: { rev: 1 },
			});
		});

		test("a removed task is gone, and a change of it throws not_found", async () => {
			const { tasks } = await open();
			const { id } = await tasks.create(newTask("one"));
			await tasks.remove({ id, ifMatch: "any", now: 1, context: systemContext });
			expect(await tasks.find(1, id)).toBeUndefined();
			expect(tasks.remove({ id, ifMatch: "any", now: 1, context: systemContext })).rejects.toMatchObject({
				code: "not_found",
			});
			expect(
				tasks.update({
					id,
					ifMatch: "absent",
					author: "Ada",
					patch: {},
					now: 1,
					context: systemContext,
				}),
			).rejects.toMatchObject({ code: "not_found" });
		});

		test("create, update and remove of one task in one group take effect in order", async () => {
			const { tasks } = await open();
			const change = newTask("one");
			const [created, updated] = await Promise.all([
				tasks.create(change),
				tasks.update({
					id: change.id,
					ifMatch: "any",
					author: "Ada",
					patch: { title: "two" },
					now: 2,
					context: systemContext,
				}),
				tasks.remove({ id: change.id, ifMatch: "any", now: 3, context: systemContext }),
			]);
			expect(created.task.body).toContain('"version":1');
			expect(updated.body).toContain('"version":2');
			expect(await tasks.list(pageQuery({ order: "asc", limit: 10 }))).toEqual({
				rows: [],
				next: undefined,
				revision: { rev: 3, tasksRev: 3 },
			});
		});

		test("a task that is removed and created again under its id in one group is a new row", async () => {
			const { tasks } = await open();
			const change = newTask("one");
			await tasks.create(change);
			await Promise.all([
				tasks.remove({
					id: change.id,
					ifMatch: "any",
					now: 2000,
					context: systemContext,
				}),
				tasks.create({ ...change, author: "Ada", task: { title: "two" }, now: 3000 }),
			]);
			expect(await tasks.find(1, change.id)).toMatchObject({ seq: 3, title: "two", createdAt: 3000 });
		});

		test("a unit that fails leaves nothing, and the others of its group are committed", async () => {
			const { tasks } = await open();
			const twin = newTask("twin");
			await tasks.create(twin);
			const results = await Promise.allSettled([
				tasks.create(newTask("before")),
				tasks.create(twin),
				tasks.create(newTask("after")),
			]);
			expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
			const { rows, revision } = await tasks.list(pageQuery({ order: "asc", limit: 10 }));
			expect(rows.map(({ title, seq }) => [title, seq])).toEqual([
				["twin", 1],
				["before", 2],
				["after", 3],
			]);
			expect(revision.rev).toBe(3);
		});

		test("an idempotent create is done once, replayed after, and rejected for another request", async () => {
			const { tasks } = await open();
			const idempotent = { scope: "u POST /collab/tasks", key: "k", requestHash: "h1" };
			const results = await Promise.all(
				Array.from({ length: 20 }, () => tasks.create(newTask("once", { idempotent }))),
			);
			expect(new Set(results.map(({ id }) => id)).size).toBe(1);
			expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
			expect(
				tasks.create(newTask("other", { idempotent: { ...idempotent, requestHash: "h2" } })),
			).rejects.toMatchObject({ code: "idempotency_mismatch" });
			expect((await tasks.list(pageQuery({ order: "asc", limit: 10 }))).rows).toHaveLength(1);
		});

		test("a key expires by the database's clock, however wrong the clocks of the servers are", async () => {
			const { tasks } = await open();
			const idempotent = { scope: "u POST /collab/tasks", key: "k", requestHash: "h1" };
			const first = await tasks.create(newTask("once", { idempotent, now: 1000 }));
			const day = 24 * 60 * 60 * 1000;
			const later = await tasks.create(newTask("once", { idempotent, now: Date.now() + 30 * day }));
			expect(later).toEqual({ ...first, replayed: true });
		});

		test("pages keep their place while rows are added and removed", async () => {
			const { tasks } = await open();
			const ids: string[] = [];
			for (let n = 1; n <= 5; n++) ids.push((await tasks.create(newTask(`t${n}`))).id);
			const first = await tasks.list(pageQuery({ order: "desc", limit: 2 }));
			expect(first.rows.map(({ title }) => title)).toEqual(["t5", "t4"]);
			expect(first.next).toEqual([4]);
			await tasks.create(newTask("t6"));
			await tasks.remove({
				id: ids[3] ?? "",
				ifMatch: "any",
				now: 1,
				context: systemContext,
			});
			const next = await tasks.list(pageQuery({ order: "desc", limit: 2, after: first.next }));
			expect(next.rows.map(({ title }) => title)).toEqual(["t3", "t2"]);
			const last = await tasks.list(pageQuery({ order: "desc", limit: 2, after: next.next }));
			expect({ titles: last.rows.map(({ title }) => title), next: last.next }).toEqual({
				titles: ["t1"],
				next: undefined,
			});
		});

		test("text of every kind is returned unchanged", async () => {
			const { tasks } = await open();
			const title = "'; DROP TABLE tasks; -- \\ \" {a,b} $1 %s 👨‍👩‍👧 \u2028 \u0001";
			const { id } = await tasks.create(newTask(title));
			expect((await tasks.find(1, id))?.title).toBe(title);
		});
	});
}
