import { describe, expect, test } from "bun:test";
import type { EventQuery } from "../../src/events/store.ts";
import { eventTypes } from "../../src/kernel/event-draft.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { UnitOfWork } from "../../src/kernel/unit-of-work.ts";
import { systemContext } from "../support/context.ts";
import type { TestStorage } from "../support/storage.ts";

const everything: EventQuery = {
	space: "every",
	after: 0,
	types: eventTypes,
	limit: 1000,
	bytesMax: 1_000_000,
};

/** The contract of the log on every database. `open` returns an empty storage. */
export function eventStoreContract(open: () => Promise<TestStorage>): void {
	function create(storage: TestStorage, title: string, now = 1000) {
		const id = newId();
		return storage.tasks
			.create({
				id,
				author: "Ada",
				task: { title },
				idempotent: undefined,
				now,
				context: { actor: "user/one", requestId: `of ${title}`, space: 1 },
			})
			.then(({ task }) => ({ id, body: task.body }));
	}

	describe("events", () => {
		test("an empty log begins and ends at 0 and has an empty page", async () => {
			const { events } = await open();
			expect(await events.range()).toEqual({ rev: 0, purgedRev: 0 });
			expect(await events.read(everything)).toEqual({ rows: [], examined: 0, rev: 0, purgedRev: 0 });
		});

		test("every change is one event with the resource after it, or with its last state after a deletion", async () => {
			const storage = await open();
			const { id, body } = await create(storage, "one");
			const updated = await storage.tasks.update({
				id,
				ifMatch: "any",
				author: "Ada",
				patch: { title: "two" },
				now: 2000,
				context: { actor: "token/two", requestId: "r2", space: 1 },
			});
			await storage.tasks.update({
				id,
				ifMatch: "any",
				author: "Ada",
				patch: {},
				now: 2500,
				context: { actor: "system", requestId: "nothing", space: 1 },
			});
			await storage.tasks.remove({
				id,
				ifMatch: "any",
				now: 3000,
				context: { actor: "system", requestId: "r3", space: 1 },
			});
			const subject = `/collab/tasks/${id}`;
			const { rows } = await storage.events.read(everything);
			expect(rows).toEqual([
				{
					id: 1,
					type: "task.created",
					subject,
					data: body,
					requestId: "of one",
					actor: "user/one",
					space: 1,
					spaceName: null,
					time: 1000,
					ready: 1,
					reason: null,
					expiresAt: null,
				},
				{
					id: 2,
					type: "task.updated",
					subject,
					data: updated.body,
					requestId: "r2",
					actor: "token/two",
					space: 1,
					spaceName: null,
					time: 2000,
					ready: 1,
					reason: null,
					expiresAt: null,
				},
				{
					id: 3,
					type: "task.deleted",
					subject,
					data: updated.body,
					requestId: "r3",
					actor: "system",
					space: 1,
					spaceName: null,
					time: 3000,
					ready: 0,
					reason: null,
					expiresAt: null,
				},
			]);
		});

		test("a page ends at its limit or its bytes and says how far it has examined the log", async () => {
			const storage = await open();
			const bodies: string[] = [];
			for (const title of ["a", "b", "ü", "d"]) bodies.push((await create(storage, title)).body);
			const page = async (more: Partial<EventQuery>) => {
				const { rows, examined } = await storage.events.read({ ...everything, ...more });
				return { ids: rows.map(({ id }) => id), examined };
			};
			expect(await page({ limit: 3 })).toEqual({ ids: [1, 2, 3], examined: 3 });
			expect(await page({ after: 3, limit: 3 })).toEqual({ ids: [4], examined: 4 });
			expect(await page({ bytesMax: 1 })).toEqual({ ids: [1], examined: 1 });
			const bytes = Buffer.byteLength(bodies.slice(0, 3).join(""));
			expect(await page({ bytesMax: bytes })).toEqual({ ids: [1, 2, 3], examined: 3 });
			expect(await page({ bytesMax: bytes + 1 })).toEqual({ ids: [1, 2, 3, 4], examined: 4 });
			expect(await page({ space: "every", types: ["task.deleted", "job.dead"] })).toEqual({
				ids: [],
				examined: 4,
			});
			expect(await page({ after: 4 })).toEqual({ ids: [], examined: 4 });
		});

		test("the events of a task are those of its changes and its comments, also after its deletion", async () => {
			const storage = await open();
			const { tasks, comments, events } = storage;
			const [one, other] = [await create(storage, "one"), await create(storage, "other")];
			const change = { now: 1, context: systemContext };
			const comment = { id: newId(), userId: newId(), task: one.id, ...change };
			await tasks.update({ id: other.id, ifMatch: "any", patch: { title: "x" }, author: "A", ...change });
			await comments.add({ ...comment, body: "a", idempotent: undefined });
			await comments.remove({ ...comment, isOwner: false });
			await tasks.remove({ id: one.id, ifMatch: "any", ...change });
			const page = async (more: Partial<EventQuery>) => {
				const { rows, examined } = await events.read({ ...everything, space: 1, task: one.id, ...more });
				return { ids: rows.map(({ id }) => id), examined };
			};
			expect(await page({})).toEqual({ ids: [1, 4, 5, 6], examined: 6 });
			expect(await page({ space: "every" })).toEqual({ ids: [1, 4, 5, 6], examined: 6 });
			expect(await page({ task: other.id })).toEqual({ ids: [2, 3], examined: 6 });
			expect(await page({ limit: 2 })).toEqual({ ids: [1, 4], examined: 4 });
			expect(await page({ after: 4, limit: 2 })).toEqual({ ids: [5, 6], examined: 6 });
			expect(await page({ after: 6 })).toEqual({ ids: [], examined: 6 });
			expect(await page({ bytesMax: 1 })).toEqual({ ids: [1], examined: 1 });
			expect(await page({ types: ["task.commented", "job.dead"] })).toEqual({ ids: [4], examined: 6 });
			expect(await page({ types: [] })).toEqual({ ids: [], examined: 6 });
			for (const none of [
				{ space: 2 },
				{ task: newId() },
				{ task: "" },
				{ task: "%" },
				{ task: one.id.toUpperCase() },
			]) {
				expect(await page(none)).toEqual({ ids: [], examined: 6 });
			}
			await events.purge(2000, 4);
			expect(await page({})).toEqual({ ids: [5, 6], examined: 6 });
		});

		test("a page of a task with very many events examines so many of them, and says how far it came", async () => {
			const storage = await open();
			const { id } = await create(storage, "one");
			const add = { space: 1, reads: [], decide: (work: UnitOfWork) => void addMany(work) };
			const subject = `/collab/tasks/${id}/comments/${newId()}`;
			function addMany(work: UnitOfWork): void {
				const event = { ...systemContext, type: "task.commented", subject, data: "{}", time: 1 } as const;
				for (let count = 0; count < 1002; count++) work.append(event);
			}
			await storage.run(add);
			const query = { ...everything, space: 1, task: id, types: ["task.deleted"] } as const;
			const first = await storage.events.read(query);
			expect([first.rows.length, first.examined, first.rev]).toEqual([0, 1000, 1003]);
			const next = await storage.events.read({ ...query, after: first.examined });
			expect([next.rows.length, next.examined]).toEqual([0, 1003]);
		});

		test("retention removes the oldest events step by step and records the last number removed", async () => {
			const storage = await open();
			for (const time of [1000, 2000, 3000, 9000, 4000]) await create(storage, `at ${time}`, time);
			expect(await storage.events.purge(1000, 10)).toBe(0);
			expect(await storage.events.purge(5000, 2)).toBe(2);
			expect(await storage.events.range()).toEqual({ rev: 5, purgedRev: 2 });
			// A slow clock gives an old time to a later event: the order of numbers counts, so the event stays for now.
			expect(await storage.events.purge(5000, 10)).toBe(1);
			expect(await storage.events.purge(5000, 10)).toBe(0);
			const { rows, ...range } = await storage.events.read(everything);
			expect(rows.map(({ id }) => id)).toEqual([4, 5]);
			expect(range).toEqual({ examined: 5, rev: 5, purgedRev: 3 });
			expect(await storage.events.purge(10_000, 10)).toBe(2);
			expect(await storage.events.range()).toEqual({ rev: 5, purgedRev: 5 });
			await create(storage, "after all");
			expect((await storage.events.read(everything)).rows.map(({ id }) => id)).toEqual([6]);
		});

		test("a listener is called after a commit until it is removed", async () => {
			const storage = await open();
			let isHeard = Promise.withResolvers<void>();
			const forget = storage.events.onChange(() => isHeard.resolve());
			await create(storage, "one");
			await isHeard.promise;
			isHeard = Promise.withResolvers();
			await create(storage, "two");
			await isHeard.promise;
			forget();
			isHeard = Promise.withResolvers();
			await create(storage, "three");
			expect(await Promise.race([isHeard.promise, Bun.sleep(50).then(() => "silence")])).toBe("silence");
		});

		test("idempotency records that have expired by the database's clock are removed, step by step", async () => {
			const { tasks, idempotency, now } = await open();
			for (const now of [0, Date.now() + 1e10, 1000]) {
				await tasks.create({
					id: newId(),
					author: "Ada",
					task: { title: "once" },
					idempotent: { scope: "u POST /collab/tasks", key: `k${now}`, requestHash: "h" },
					now,
					context: systemContext,
				});
			}
			expect(await idempotency.purge((await now()) - 60_000, 10)).toBe(0);
			// As of a minute from now, all of them have expired.
			expect(await idempotency.purge((await now()) + 60_000, 2)).toBe(2);
			expect(await idempotency.purge((await now()) + 60_000, 2)).toBe(1);
			expect(await idempotency.purge((await now()) + 60_000, 2)).toBe(0);
		});
	});
}

/** The further contract of databases that several processes share. `open` opens the same one each time. */
export function sharedLogContract(open: () => Promise<TestStorage>): void {
	test("a listener is called after a commit by another process", async () => {
		const [here, there] = [await open(), await open()];
		const { promise, resolve } = Promise.withResolvers<void>();
		const forget = here.events.onChange(() => {
			void here.events.range().then(({ rev }) => rev > 0 && resolve());
		});
		await there.tasks.create({
			id: newId(),
			author: "Ada",
			task: { title: "there" },
			idempotent: undefined,
			now: 1000,
			context: systemContext,
		});
		await promise;
		forget();
	});
}
