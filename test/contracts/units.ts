import { describe, expect, test } from "bun:test";
import { jobs } from "../../src/jobs/store.ts";
import { idempotency } from "../../src/kernel/idempotency.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { UnitSpace } from "../../src/kernel/space.ts";
import { Collection, type Read, type UnitOfWork } from "../../src/kernel/unit-of-work.ts";
import { tasks } from "../../src/tasks/collection.ts";
import type { TaskRow } from "../../src/tasks/store.ts";
import { systemContext } from "../support/context.ts";
import type { TestStorage } from "../support/storage.ts";
import { pageQuery } from "../support/task-pages.ts";

/** The contract of units of work on every database, for any collection. */
export function unitOfWorkContract(open: () => Promise<TestStorage>): void {
	async function opened() {
		const storage = await open();
		const { id } = await storage.tasks.create({
			id: newId(),
			author: "Ada",
			task: { title: "there" },
			idempotent: undefined,
			now: 1000,
			context: systemContext,
		});
		const row = (await storage.tasks.find(1, id)) as TaskRow;

		/** The outcome of a unit with these reads, in a group with one that reads the task, so that the group fetches it. */
		async function outcome(
			reads: readonly Read[],
			decide: (work: UnitOfWork) => unknown,
			space: UnitSpace | undefined = 1,
		) {
			const [, other] = await Promise.allSettled([
				storage.run({
					space: 1,
					reads: [tasks.reads({ ids: [id] })],
					decide: (work) => work.rows(tasks).find(id),
				}),
				storage.run({ ...(space !== undefined && { space }), reads, decide }),
			]);
			return other;
		}
		return { storage, id, row, outcome };
	}

	const readSetError = { status: "rejected", reason: { name: "ReadSetError" } };

	describe("a unit of work", () => {
		test("that reads a row which is not in its read set throws, even if another unit of its group named it", async () => {
			const { id, outcome } = await opened();
			const find = (work: UnitOfWork) => work.rows(tasks).find(id);
			expect(await outcome([tasks.reads({ ids: [newId()] })], find)).toMatchObject(readSetError);
			expect(await outcome([tasks.inserts()], find)).toMatchObject(readSetError);
			expect(await outcome([jobs.reads({ ids: [id] })], find)).toMatchObject(readSetError);
			expect(await outcome([], find)).toMatchObject(readSetError);
			expect(await outcome([tasks.reads({ ids: [id] })], find)).toMatchObject({
				status: "fulfilled",
				value: { id },
			});
		});

		test("that writes a row which is not in its read set throws, and leaves nothing", async () => {
			const { storage, id, row, outcome } = await opened();
			for (const reads of [[tasks.inserts()], [tasks.reads({ ids: [] })]]) {
				const change = (verb: "update" | "remove") => (work: UnitOfWork) => {
					work.append({
						type: "task.updated",
						subject: "/s",
						data: "{}",
						actor: "system",
						requestId: "r",
						space: 1,
						time: 1,
					});
					const rows = work.rows(tasks);
					if (verb === "update") rows.update(row, { ...row, title: "lost" });
					else rows.remove(row);
				};
				expect(await outcome(reads, change("update"))).toMatchObject(readSetError);
				expect(await outcome(reads, change("remove"))).toMatchObject(readSetError);
			}
			expect(await storage.tasks.find(1, id)).toEqual(row);
			expect((await storage.events.range()).rev).toBe(1);
		});

		test("sees no row of another space, and can neither change one there nor append to that log", async () => {
			const { storage, id, row, outcome } = await opened();
			const reads = [tasks.reads({ ids: [id] })];
			const find = (work: UnitOfWork) => work.rows(tasks).find(id);
			expect(await outcome(reads, find, 2)).toEqual({ status: "fulfilled", value: undefined });
			expect(await outcome(reads, find, "every")).toMatchObject({ status: "fulfilled", value: { id } });
			const event = {
				type: "task.updated",
				subject: "/s",
				data: "{}",
				actor: "system",
				requestId: "r",
				space: 1,
				time: 1,
			} as const;
			const changes: readonly ((work: UnitOfWork) => unknown)[] = [
				(work) => work.rows(tasks).update(row, { ...row, title: "lost" }),
				(work) => work.rows(tasks).remove(row),
				(work) => work.rows(tasks).insert({ ...row, id: newId(), seq: 9 }),
				(work) => work.append(event),
			];
			for (const change of changes) expect(await outcome(reads, change, 2)).toMatchObject(readSetError);
			for (const change of changes) {
				expect(await storage.run({ reads, decide: change }).catch((error) => error.name)).toBe(
					"ReadSetError",
				);
			}
			expect(await storage.tasks.find(1, id)).toEqual(row);
			expect(await storage.tasks.find(2, id)).toBeUndefined();
			expect((await storage.events.range()).rev).toBe(1);
		});

		test("raises the revision of its own space alone", async () => {
			const { storage } = await opened();
			await storage.tasks.create({
				id: newId(),
				author: "Ada",
				task: { title: "elsewhere" },
				idempotent: undefined,
				now: 1000,
				context: { ...systemContext, space: 2 },
			});
			expect(await storage.tasks.revision(1)).toEqual({ rev: 2, tasksRev: 1 });
			expect(await storage.tasks.revision(2)).toEqual({ rev: 2, tasksRev: 2 });
			expect(await storage.tasks.revision(3)).toEqual({ rev: 2, tasksRev: 0 });
			const list = { order: "asc", limit: 10, after: undefined } as const;
			expect((await storage.tasks.list(pageQuery({ ...list, space: 2 }))).rows).toMatchObject([
				{ title: "elsewhere" },
			]);
			expect((await storage.tasks.list(pageQuery({ ...list, space: 1 }))).rows).toMatchObject([
				{ title: "there" },
			]);
		});

		test("that looks up jobs, keys or records which are not in its read set throws", async () => {
			const { id, row, outcome } = await opened();
			const named = { scope: "s", key: "k", requestHash: "h" };
			const wanted: readonly [Read, (work: UnitOfWork) => unknown][] = [
				[jobs.reads({ ids: [] }), (work) => work.rows(jobs).find(newId())],
				[jobs.reads({}), (work) => work.rows(jobs).findUnfinished({ space: 1, queue: "q", uniqueKey: "k" })],
				[
					jobs.reads({ lease: { space: 1, queues: ["q"], limit: 1 } }),
					(work) => work.rows(jobs).leasable({ space: 1, queues: ["q"], limit: 2 }, 1),
				],
				[
					jobs.reads({ lease: { space: 1, queues: ["q"], limit: 1 } }),
					(work) => work.rows(jobs).leasable({ space: 1, queues: ["p"], limit: 1 }, 1),
				],
				[
					jobs.reads({ ids: [id], rivalsOf: id }),
					(work) => work.rows(jobs).findUnfinished({ space: 1, queue: "q", uniqueKey: "k" }),
				],
				[
					jobs.reads({ lease: { space: 1, queues: ["q"], limit: 1 }, sweep: 1 }),
					(work) => work.rows(jobs).update(row as never, row as never),
				],
				[
					jobs.reads({ sweep: 1 }),
					(work) => work.rows(jobs).leasable({ space: 1, queues: ["q"], limit: 1 }, 1),
				],
				[jobs.reads({ ids: [] }), (work) => work.rows(jobs).due(1, 1)],
				[jobs.reads({ sweep: 1 }), (work) => work.rows(jobs).expired(2, 1)],
				[idempotency.reads([named]), (work) => work.rows(idempotency).find("s", "other")],
				[
					idempotency.reads([named]),
					(work) => work.rows(idempotency).save({ ...named, key: "other", body: "{}", createdAt: 1 }),
				],
			];
			for (const [read, decide] of wanted) {
				expect(await outcome([read], decide)).toMatchObject(readSetError);
			}
		});

		test("that only inserts has no clock; any other has the database's, one time for the unit", async () => {
			const { outcome } = await opened();
			expect(await outcome([tasks.inserts()], (work) => work.now())).toMatchObject(readSetError);
			const both = await outcome([tasks.reads({ ids: [] })], (work) => [work.now(), work.now()]);
			const [first, second] = (both as PromiseFulfilledResult<number[]>).value;
			expect(first).toBe(second as number);
			expect(Math.abs(Date.now() - (first ?? 0))).toBeLessThan(60_000);
		});

		test("of a collection that is not registered throws", async () => {
			const { outcome } = await opened();
			const others = new Collection<null, object>({ name: "others", nothing: null, narrow: (rows) => rows });
			for (const read of [others.reads(null), others.inserts()]) {
				expect(await outcome([read], (work) => work.rows(others))).toMatchObject(readSetError);
			}
		});

		test("raises a revision only if it changes rows of that collection", async () => {
			const { storage, id } = await opened();
			const revision = async () => storage.tasks.revision(1);
			expect(await revision()).toEqual({ rev: 1, tasksRev: 1 });
			await storage.jobs.enqueue({
				id: newId(),
				job: {
					kind: "k",
					payload: "1",
					queue: "q",
					priority: 0,
					runAt: undefined,
					maxAttempts: 1,
					uniqueKey: undefined,
				},
				idempotent: undefined,
				context: systemContext,
			});
			expect(await revision()).toEqual({ rev: 2, tasksRev: 1 });
			await storage.tasks.remove({
				id,
				ifMatch: "any",
				now: 1,
				context: systemContext,
			});
			expect(await revision()).toEqual({ rev: 3, tasksRev: 3 });
		});
	});
}
