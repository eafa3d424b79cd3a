import { describe, expect, test } from "bun:test";
import { eventTypes } from "../../src/kernel/event-draft.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { AddComment, CommentPageQuery } from "../../src/tasks/comments/store.ts";
import { systemContext } from "../support/context.ts";
import type { TestStorage } from "../support/storage.ts";

const author = newId();

/** The contract of comments on every database. `open` returns an empty storage. */
export function commentStoreContract(open: () => Promise<TestStorage>): void {
	async function newTask({ tasks }: TestStorage, space = 1, id = newId()): Promise<string> {
		const context = { ...systemContext, space };
		await tasks.create({ id, task: { title: "t" }, author: "A", idempotent: undefined, now: 1, context });
		return id;
	}

	function newComment(task: string, body: string, more: Partial<AddComment> = {}): AddComment {
		return {
			id: newId(),
			task,
			body,
			userId: author,
			idempotent: undefined,
			now: 1000,
			context: { actor: `user/${author}`, requestId: "r1", space: 1 },
			...more,
		};
	}

	function removal({ id, task }: AddComment, more: { userId?: string; isOwner?: boolean } = {}) {
		return { id, task, userId: author, isOwner: false, now: 3000, context: systemContext, ...more };
	}

	const pageOf = (task: string, more: Partial<CommentPageQuery> = {}): CommentPageQuery => ({
		space: 1,
		task,
		limit: 100,
		bytesMax: 1_000_000,
		after: 0,
		...more,
	});

	async function bodiesOf({ comments }: TestStorage, task: string, more: Partial<CommentPageQuery> = {}) {
		const page = await comments.list(pageOf(task, more));
		return page && { bodies: page.rows.map(({ body }) => body), more: page.more };
	}

	async function eventsOf({ events }: TestStorage) {
		const query = { space: "every", after: 0, types: eventTypes, limit: 1000, bytesMax: 1e6 } as const;
		return (await events.read(query)).rows;
	}

	function removeTask({ tasks }: TestStorage, id: string): Promise<void> {
		return tasks.remove({ id, ifMatch: "any", now: 4000, context: systemContext });
	}

	describe("comments", () => {
		test("a comment is kept as it was returned, beside its author, under the number of its event", async () => {
			const storage = await open();
			const task = await newTask(storage);
			const change = newComment(task, "'; DROP TABLE comments; -- \\ \" {a} $1 👨‍👩‍👧 \u2028 \u0001");
			const { body, replayed } = await storage.comments.add(change);
			expect(replayed).toBe(false);
			expect(JSON.parse(body)).toEqual({
				body: change.body,
				created_at: "1970-01-01T00:00:01.000Z",
				created_by: `user/${author}`,
				id: change.id,
				task,
			});
			const row = {
				...{ seq: 2, id: change.id, space: 1, task, body: change.body },
				...{ createdBy: `user/${author}`, userId: author, createdAt: 1000 },
			};
			expect(await storage.comments.list(pageOf(task))).toEqual({
				rows: [row as never],
				more: false,
				rev: 2,
			});
			expect((await eventsOf(storage)).at(-1)).toMatchObject({
				...{ id: 2, type: "task.commented", subject: `/collab/tasks/${task}/comments/${change.id}` },
				...{ data: body, requestId: "r1", actor: `user/${author}`, space: 1, time: 1000 },
			});
		});

		test("a comment leaves its task as it is, and the revision of tasks too", async () => {
			const storage = await open();
			const task = await newTask(storage);
			const before = await storage.tasks.find(1, task);
			const { tasksRev } = await storage.tasks.revision(1);
			const change = newComment(task, "a");
			await storage.comments.add(change);
			await storage.comments.remove(removal(change));
			expect(await storage.tasks.find(1, task)).toEqual(before);
			expect((await storage.tasks.revision(1)).tasksRev).toBe(tasksRev);
		});

		test("a task that is not there, or is of another space, has no comments and gets none", async () => {
			const storage = await open();
			const elsewhere = await newTask(storage, 2);
			for (const task of [newId(), elsewhere]) {
				expect(storage.comments.add(newComment(task, "a"))).rejects.toMatchObject({ code: "not_found" });
				expect(await storage.comments.list(pageOf(task))).toBeUndefined();
			}
			expect(await storage.comments.list(pageOf(elsewhere, { space: 2 }))).toEqual({
				rows: [],
				more: false,
				rev: 1,
			});
			expect(await eventsOf(storage)).toHaveLength(1);
		});

		test("pages are oldest first, of one task, and keep their place while comments come and go", async () => {
			const storage = await open();
			const [task, other] = [await newTask(storage), await newTask(storage)];
			const changes = ["1", "2", "3", "4", "5"].map((body) => newComment(task, body));
			for (const change of changes) {
				await storage.comments.add(change);
				await storage.comments.add(newComment(other, "other"));
			}
			const first = await storage.comments.list(pageOf(task, { limit: 2 }));
			expect(first?.rows.map(({ body }) => body)).toEqual(["1", "2"]);
			expect(first?.more).toBe(true);
			for (const index of [1, 3]) await storage.comments.remove(removal(changes[index] as AddComment));
			await storage.comments.add(newComment(task, "6"));
			const after = first?.rows.at(-1)?.seq ?? 0;
			expect(await bodiesOf(storage, task, { limit: 2, after })).toEqual({ bodies: ["3", "5"], more: true });
			expect(await bodiesOf(storage, task, { limit: 3, after })).toEqual({
				bodies: ["3", "5", "6"],
				more: false,
			});
		});

		test("a page ends with the comment that fills it, and has one at least", async () => {
			const storage = await open();
			const task = await newTask(storage);
			const texts = ["ä".repeat(10), "b".repeat(20), "c"];
			for (const text of texts) await storage.comments.add(newComment(task, text));
			for (const [bytesMax, count] of [
				[1, 1],
				[20, 1],
				[21, 2],
				[40, 2],
				[41, 3],
			] as const) {
				expect(await bodiesOf(storage, task, { bytesMax })).toEqual({
					bodies: texts.slice(0, count),
					more: count < 3,
				});
			}
		});

		test("its author and an owner remove a comment, others do not; the event has its last state", async () => {
			const storage = await open();
			const task = await newTask(storage);
			const changes = [newComment(task, "own"), newComment(task, "of another")];
			const added: string[] = [];
			for (const change of changes) added.push((await storage.comments.add(change)).body);
			const [own, others] = changes as [AddComment, AddComment];
			const stranger = { userId: newId() };
			expect(storage.comments.remove(removal(own, stranger))).rejects.toMatchObject({ code: "forbidden" });
			expect((await bodiesOf(storage, task))?.bodies).toEqual(["own", "of another"]);
			await storage.comments.remove(removal(own));
			await storage.comments.remove(removal(others, { ...stranger, isOwner: true }));
			expect(await bodiesOf(storage, task)).toEqual({ bodies: [], more: false });
			const events = (await eventsOf(storage)).slice(-2);
			expect(events.map(({ type, data, subject }) => ({ type, data, subject }))).toEqual(
				changes.map(({ id }, index) => ({
					...{ type: "task.comment_deleted", data: added[index] ?? "" },
					subject: `/collab/tasks/${task}/comments/${id}`,
				})),
			);
		});

		test("a comment that is gone, of another task or of another space, is not found", async () => {
			const storage = await open();
			const [task, other] = [await newTask(storage), await newTask(storage)];
			const elsewhere = await newTask(storage, 2);
			const change = newComment(task, "a");
			await storage.comments.add(change);
			const foreign = newComment(elsewhere, "b", { context: { ...systemContext, space: 2 } });
			await storage.comments.add(foreign);
			const owned = { isOwner: true };
			for (const wrong of [
				removal({ ...change, task: other }, owned),
				removal({ ...change, id: newId() }, owned),
				removal({ ...foreign, task }, owned),
				removal(foreign, owned),
			]) {
				expect(storage.comments.remove(wrong)).rejects.toMatchObject({ code: "not_found" });
			}
			await storage.comments.remove(removal(change));
			expect(storage.comments.remove(removal(change))).rejects.toMatchObject({ code: "not_found" });
		});

		test("of racing removals of one comment exactly one succeeds, and one event tells of it", async () => {
			const storage = await open();
			const change = newComment(await newTask(storage), "a");
			await storage.comments.add(change);
			const results = await Promise.allSettled(
				Array.from({ length: 20 }, () => storage.comments.remove(removal(change))),
			);
			expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
			const types = (await eventsOf(storage)).map(({ type }) => type);
			expect(types).toEqual(["task.created", "task.commented", "task.comment_deleted"]);
		});

		test("with its task a comment is gone at once, without an event; its row goes later", async () => {
			const storage = await open();
			const [task, other] = [await newTask(storage), await newTask(storage)];
			const changes = Array.from({ length: 7 }, (_, index) => newComment(task, String(index)));
			await Promise.all(changes.map((change) => storage.comments.add(change)));
			await storage.comments.add(newComment(other, "stays"));
			await removeTask(storage, task);
			expect((await eventsOf(storage)).at(-1)?.type).toBe("task.deleted");
			expect(await storage.comments.list(pageOf(task))).toBeUndefined();
			const [first] = changes as [AddComment];
			expect(storage.comments.remove(removal(first))).rejects.toMatchObject({ code: "not_found" });
			expect(storage.comments.add(newComment(task, "late"))).rejects.toMatchObject({ code: "not_found" });
			const rev = (await storage.events.range()).rev;
			const rounds: boolean[] = [];
			do rounds.push(await storage.comments.purge(3));
			while (rounds.at(-1));
			expect(rounds).toEqual([true, true, true, false]);
			// A task under the same id shows that the rows are gone.
			await newTask(storage, 1, task);
			expect(await bodiesOf(storage, task)).toEqual({ bodies: [], more: false });
			expect(await bodiesOf(storage, other)).toEqual({ bodies: ["stays"], more: false });
			expect((await storage.events.range()).rev).toBe(rev + 1);
		});

		test("a task without comments leaves nothing to remove", async () => {
			const storage = await open();
			const task = await newTask(storage);
			const change = newComment(task, "a");
			await storage.comments.add(change);
			await storage.comments.remove(removal(change));
			await removeTask(storage, task);
			expect(await storage.comments.purge(10)).toBe(false);
		});

		test("a comment and the deletion of its task in one group take effect in order", async () => {
			const storage = await open();
			const [task, gone] = [await newTask(storage), await newTask(storage)];
			const results = await Promise.allSettled([
				storage.comments.add(newComment(task, "before")),
				removeTask(storage, task),
				removeTask(storage, gone),
				storage.comments.add(newComment(gone, "after")),
			]);
			expect(results.map(({ status }) => status)).toEqual([
				"fulfilled",
				"fulfilled",
				"fulfilled",
				"rejected",
			]);
			expect(await storage.comments.purge(10)).toBe(true);
			expect(await storage.comments.purge(10)).toBe(false);
		});

		test("a key adds a comment once, also when its task is gone by then, and serves no other request", async () => {
			const storage = await open();
			const task = await newTask(storage);
			const idempotent = { scope: "u POST comments", key: "k", requestHash: "h1" };
			const results = await Promise.all(
				Array.from({ length: 20 }, () => storage.comments.add(newComment(task, "once", { idempotent }))),
			);
			expect(new Set(results.map(({ body }) => body)).size).toBe(1);
			expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
			expect((await bodiesOf(storage, task))?.bodies).toEqual(["once"]);
			expect(
				storage.comments.add(newComment(task, "other", { idempotent: { ...idempotent, requestHash: "h2" } })),
			).rejects.toMatchObject({ code: "idempotency_mismatch" });
			await removeTask(storage, task);
			const again = await storage.comments.add(newComment(task, "once", { idempotent }));
			expect(again).toEqual({ body: results[0]?.body ?? "", replayed: true });
		});
	});
}
