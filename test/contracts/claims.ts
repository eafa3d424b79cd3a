import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import type { SpaceId } from "../../src/kernel/space.ts";
import type { Claimed, ClaimNext } from "../../src/tasks/claims/changes.ts";
import { claimService } from "../../src/tasks/claims/service.ts";
import { claims as collection } from "../../src/tasks/claims/store.ts";
import { tasks as taskCollection } from "../../src/tasks/collection.ts";
import type { TaskPatch } from "../../src/tasks/schema.ts";
import { eventOf } from "../support/claims.ts";
import { systemContext } from "../support/context.ts";
import type { TestStorage } from "../support/storage.ts";

/** The contract of claims on every database. `open` returns an empty storage. */
export function claimStoreContract(open: () => Promise<TestStorage>): void {
	async function opened() {
		const storage = await open();
		const { tasks, run } = storage;
		const claims = claimService(storage.claims, run);
		const create = async (task: TaskPatch = {}, space: SpaceId = 1): Promise<string> => {
			const context = { ...systemContext, space };
			const id = newId();
			await tasks.create({
				id,
				author: "Ada",
				task: { title: "t", ...task },
				idempotent: undefined,
				now: 1000,
				context,
			});
			return id;
		};
		const patch = (id: string, change: TaskPatch) =>
			tasks.update({ id, ifMatch: "any", author: "Ada", patch: change, now: 3000, context: systemContext });
		const next = (more: Partial<ClaimNext> = {}) =>
			claims.next({
				holder: "h",
				label: undefined,
				leaseSeconds: 60,
				idempotent: undefined,
				isGone: () => false,
				now: 2000,
				context: systemContext,
				...more,
			});
		const claim = (id: string, leaseSeconds = 60) =>
			claims.claim({
				id,
				holder: "h",
				leaseSeconds,
				idempotent: undefined,
				now: 2000,
				context: systemContext,
			});
		const complete = (id: string, fence: number) =>
			claims.complete({ id, fence, note: undefined, result: undefined, now: 4000, context: systemContext });
		return { storage, tasks, claims, create, patch, next, claim, complete };
	}

	const idsOf = (found: readonly (Claimed | undefined)[]) => found.map((one) => one?.id);
	const outcome = (promise: Promise<unknown>) =>
		promise.then(
			() => "done",
			({ code, name }) => code ?? name,
		);

	describe("claims", () => {
		test("a fence follows from the number of the claim's event without being it, and the row says who holds the task", async () => {
			const { storage, claims, create, claim, tasks } = await opened();
			const id = await create();
			const { fence } = await claim(id, 90);
			expect(eventOf(fence)).toBe((await storage.events.range()).rev);
			const row = await claims.find(1, id);
			expect(row).toEqual({
				task: id,
				space: 1,
				fence,
				settledFence: null,
				settledBy: null,
				holder: "h",
				actor: "system",
				claimedAt: expect.any(Number),
				leaseSeconds: 90,
				leaseExpiresAt: (row?.claimedAt ?? 0) + 90_000,
			});
			expect(await tasks.find(1, id)).toMatchObject({
				status: "in_progress",
				claimedBy: "h",
				updatedSeq: eventOf(fence),
			});
			expect(await claims.find(2, id)).toBeUndefined();
		});

		test("claims of one group get the tasks one after the other, in their order", async () => {
			const { create, next } = await opened();
			const low = await create({ priority: -1 });
			const high = await create({ priority: 1 });
			const own = await create({ priority: 0, assignee: "b" });
			const found = await Promise.all([next(), next({ holder: "b" }), next({ holder: "b" }), next()]);
			expect(idsOf(found)).toEqual([high, own, low, undefined]);
		});

		test("a claim sees what earlier units of its group have made ready, urgent or blocked", async () => {
			const { create, next, patch, claim, complete } = await opened();
			const blocker = await create({ priority: -5 });
			const blocked = await create({ priority: 9, blocked_by: [blocker] });
			const plain = await create();
			const { fence } = await claim(blocker);
			const [, first, , second] = await Promise.all([
				complete(blocker, fence),
				next(),
				patch(plain, { priority: 3 }),
				next(),
			]);
			expect(idsOf([first, second])).toEqual([blocked, plain]);
		});

		test("a claim finds what comes next, though earlier units of its group took or blocked all that come first", async () => {
			const { create, next, patch, claim } = await opened();
			const gate = await create({ status: "done", priority: -9 });
			const gated = await Promise.all(
				Array.from({ length: 5 }, () => create({ priority: 5, blocked_by: [gate] })),
			);
			const others = [
				await create({ priority: 4 }),
				await create({ priority: 3 }),
				await create({ priority: 2 }),
			];
			const [, , found] = await Promise.all([
				patch(gate, { status: "waiting" }),
				claim(others[0] ?? ""),
				next(),
			]);
			expect(found?.id).toBe(others[1] ?? "");
			expect(gated).not.toContain(found?.id);
		});

		test("a label that one task has is found beside others, and no task of another space is", async () => {
			const { create, next } = await opened();
			for (let count = 0; count < 20; count++) await create({ priority: 9, labels: ["a"], assignee: "x" });
			await create({ labels: ["b"] }, 2);
			const wanted = await create({ labels: ["a", "b"] });
			expect((await next({ label: "b" }))?.id).toBe(wanted);
			expect(await next({ label: "b" })).toBeUndefined();
			expect(await next({ label: "none" })).toBeUndefined();
			expect((await next({ label: "b", context: { ...systemContext, space: 2 } }))?.id).toBeDefined();
		});

		test("a heartbeat changes no task and raises no revision", async () => {
			const { storage, claims, tasks, create, claim } = await opened();
			const id = await create();
			const { fence } = await claim(id, 10);
			const before = [await tasks.find(1, id), await tasks.revision(1), await storage.events.range()];
			await claims.heartbeat({ id, fence, leaseSeconds: undefined, context: systemContext });
			await claims.heartbeat({ id, fence, leaseSeconds: 5000, context: systemContext });
			expect([await tasks.find(1, id), await tasks.revision(1), await storage.events.range()]).toEqual(
				before,
			);
			expect((await claims.dueInMs()) ?? 0).toBeGreaterThan(4_000_000);
		});

		test("a claim that ran out holds until a sweep puts it back, once, in its space", async () => {
			const { storage, claims, tasks, create, claim } = await opened();
			const id = await create();
			const { fence } = await claim(id, 1);
			while (((await claims.dueInMs()) ?? 1) > 0) await Bun.sleep(20);
			expect(await outcome(claim(id))).toBe("claimed");
			await claims.heartbeat({ id, fence, leaseSeconds: 1, context: systemContext });
			while (((await claims.dueInMs()) ?? 1) > 0) await Bun.sleep(20);
			const sweep = () => claims.sweep({ context: { actor: "system", requestId: "s" }, now: 9000 }, 10);
			expect([await sweep(), await sweep()]).toEqual([1, 0]);
			expect(await claims.dueInMs()).toBeUndefined();
			expect(await tasks.find(1, id)).toMatchObject({ status: "open", claimedBy: null, updatedAt: 9000 });
			expect(await outcome(claims.heartbeat({ id, fence, leaseSeconds: 1, context: systemContext }))).toBe(
				"lease_lost",
			);
			const all = { space: 1, after: 0, types: ["task.released"], limit: 9, bytesMax: 1e6 } as const;
			const { rows } = await storage.events.read(all);
			expect(rows).toMatchObject([
				{ reason: "expired", expiresAt: null, actor: "system", space: 1, ready: 1 },
			]);
		});

		test("pages through those that last in the order of their fences, and knows nothing of a removed task", async () => {
			const { claims, tasks, create, claim } = await opened();
			const ids = [await create(), await create(), await create()];
			for (const id of [2, 0, 1]) await claim(ids[id] ?? "");
			const query = {
				space: 1,
				holder: undefined,
				task: undefined,
				actor: undefined,
				limit: 2,
				after: undefined,
			};
			const first = await claims.list(query);
			expect([first.rows.map(({ task }) => task), first.more]).toEqual([[ids[2], ids[0]] as string[], true]);
			const rest = await claims.list({ ...query, after: first.rows[1] });
			expect([rest.rows.map(({ task }) => task), rest.more]).toEqual([[ids[1]] as string[], false]);
			const removed = ids[1] ?? "";
			await tasks.remove({ id: removed, ifMatch: "any", claimFence: "any", now: 1, context: systemContext });
			expect(await claims.find(1, removed)).toBeUndefined();
			expect((await claims.list({ ...query, holder: "h" })).rows).toHaveLength(2);
			for (const more of [{ space: 2 }, { holder: "x" }, { task: newId() }, { actor: "user/x" }] as const) {
				const none = await claims.list({ ...query, ...more });
				expect([none.rows, none.now > 0]).toEqual([[], true]);
			}
		});

		test("a unit that uses a claim, or a next task, which its read set does not name throws", async () => {
			const { storage, create } = await opened();
			const id = await create();
			const wish = { space: 1, holder: "h", label: undefined };
			const reads = [taskCollection.reads({}), collection.reads({ tasks: [newId()] })];
			const run = (decide: Parameters<typeof storage.run>[0]["decide"]) =>
				outcome(storage.run({ space: 1, reads, decide }));
			expect(await run((work) => work.rows(collection).find(id))).toBe("ReadSetError");
			expect(await run((work) => work.rows(collection).remove(id))).toBe("ReadSetError");
			expect(await run((work) => work.rows(collection).lapsed(1, 0))).toBe("ReadSetError");
			expect(await run((work) => work.rows(taskCollection).next(wish))).toBe("ReadSetError");
		});
	});
}
