import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import type { SpaceId } from "../../src/kernel/space.ts";
import type { UnitOfWork } from "../../src/kernel/unit-of-work.ts";
import { inLivingSpaces } from "../../src/spaces/living.ts";
import { membersMax, OnlyOwnerError } from "../../src/spaces/members.ts";
import { madeMax, type SpaceService } from "../../src/spaces/service.ts";
import { members, type Role, type SpaceRow, spaces as spacesCollection } from "../../src/spaces/store.ts";
import { taskService } from "../../src/tasks/service.ts";
import { systemContext } from "../support/context.ts";
import { spacesOf } from "../support/spaces.ts";
import type { TestStorage } from "../support/storage.ts";
import { pageQuery } from "../support/task-pages.ts";
import { usersOf } from "../support/users.ts";

const now = 1_700_000_000_123;
const everyPage = { after: undefined, limit: 1000 };

/** The contract of spaces and members on every database. `open` returns an empty storage. */
export function spaceStoreContract(open: () => Promise<TestStorage>): void {
	async function opened() {
		const storage = await open();
		const service = spacesOf(storage);
		const users = usersOf(storage);
		/** Their ids rise. */
		async function addUser(name: string): Promise<string> {
			const id = newId();
			expect(await users.add({ id, email: `${name}@example.com`, passwordHash: "x", now })).toBe(true);
			return id;
		}
		const make = (name: string, userId: string, title = "") => service.create({ name, title, userId, now });
		return { storage, service, users, addUser, make, first: await addUser("first") };
	}

	const reach = async (service: SpaceService, name: string, userId: string) =>
		(await service.lookUp(name, userId)).reached;
	const remove = (service: SpaceService, { id }: SpaceRow) => service.remove({ id, ifMatch: "any", now });
	const rolesOf = async (service: SpaceService, space: SpaceId) =>
		(await service.members(space, everyPage)).rows.map(({ userId, role }): [string, Role] => [userId, role]);

	async function taskIn(storage: TestStorage, space: SpaceId): Promise<string> {
		const context = { ...systemContext, space };
		const task = { title: "x" };
		const change = { id: newId(), task, author: "Ada", idempotent: undefined, now, context };
		return (await storage.tasks.create(change)).id;
	}

	describe("spaces", () => {
		test("default is there, is the first one, and its owner is the first user", async () => {
			const { service, first, addUser } = await opened();
			const second = await addUser("second");
			const [space, ...others] = await service.list();
			expect(others).toEqual([]);
			expect(space).toMatchObject({ id: 1, name: "default", title: "", version: 1, madeBy: null, rev: 0 });
			expect(await reach(service, "default", first)).toEqual({ space: space as SpaceRow, role: "owner" });
			expect(await reach(service, "default", second)).toEqual({ space: space as SpaceRow, role: "writer" });
		});

		test("a new one has all fields, the log's newest number, and its maker as its owner", async () => {
			const { storage, service, first, make } = await opened();
			await taskIn(storage, 1);
			const space = await make("acme", first, "title 👩‍👩‍👧 \\ \"'");
			expect(space).toEqual({
				...{ id: 2, name: "acme", title: "title 👩‍👩‍👧 \\ \"'", version: 1, madeBy: first, rev: 1 },
				...{ createdAt: now, deletedAt: null },
			});
			expect(await reach(service, "acme", first)).toEqual({ space, role: "owner" });
			expect(await rolesOf(service, space.id)).toEqual([[first, "owner"]]);
			expect((await storage.events.range()).rev).toBe(1);
		});

		test("is reached under its whole name alone, by its members alone", async () => {
			const { service, first, addUser, make } = await opened();
			await make("acme", first);
			const stranger = await addUser("stranger");
			expect(await reach(service, "acme", stranger)).toBeUndefined();
			for (const name of ["acm", "acme2", "ACME", "acme ", "%", ""]) {
				expect(await reach(service, name, first)).toBeUndefined();
			}
			expect(await reach(service, "acme", newId())).toBeUndefined();
		});

		test("a change of a role, and its end, are seen by the next look", async () => {
			const { service, first, addUser, make } = await opened();
			const { id } = await make("acme", first);
			const userId = await addUser("member");
			for (const role of ["reader", "writer", "owner", "reader"] as const) {
				await service.setMember({ space: id, userId, role });
				expect((await reach(service, "acme", userId))?.role).toBe(role);
			}
			await service.removeMember({ space: id, userId });
			expect(await reach(service, "acme", userId)).toBeUndefined();
		});

		test("lists are paged, in the order of making, and narrowed to the spaces of a token", async () => {
			const { service, first, addUser, make } = await opened();
			const other = await addUser("other");
			const made = [];
			for (const name of ["z", "y", "x", "w"]) made.push(await make(name, first));
			await make("not-reached", other);
			const all = await service.reachedBy(first, { after: undefined, limit: 100, only: null });
			expect(all.rows.map(({ space, role }) => [space.name, role])).toEqual([
				["default", "owner"],
				...["z", "y", "x", "w"].map((name): [string, Role] => [name, "owner"]),
			]);
			expect(all.more).toBe(false);
			const page = await service.reachedBy(first, { after: 1, limit: 2, only: null });
			expect([page.rows.map(({ space }) => space.name), page.more]).toEqual([["z", "y"], true]);
			const last = await service.reachedBy(first, {
				after: page.rows.at(-1)?.space.id,
				limit: 2,
				only: null,
			});
			expect([last.rows.map(({ space }) => space.name), last.more]).toEqual([["x", "w"], false]);
			const only = [made[2]?.id ?? 0, 6, 1, 999];
			const some = await service.reachedBy(first, { after: undefined, limit: 100, only });
			expect(some.rows.map(({ space }) => space.name)).toEqual(["default", "x"]);
			expect((await service.reachedBy(first, { after: undefined, limit: 9, only: [] })).rows).toEqual([]);
		});

		test("names are told of those that live", async () => {
			const { service, first, make } = await opened();
			const gone = await make("gone", first);
			const kept = await make("kept", first);
			await remove(service, gone);
			expect(await service.namesOf([1, kept.id, gone.id, 77])).toEqual(
				new Map([
					[1, "default"],
					[kept.id, "kept"],
				]),
			);
			expect(await service.namesOf([])).toEqual(new Map());
		});

		test("members are paged in the order of their ids; in default every user is one", async () => {
			const { service, users, first, addUser, make } = await opened();
			const { id } = await make("acme", first);
			const ids = [first];
			for (const name of ["one", "two", "three"]) ids.push(await addUser(name));
			for (const userId of ids.slice(1)) await service.setMember({ space: id, userId, role: "reader" });
			await users.rename(ids[1] ?? "", "Uno");
			for (const space of [1, id]) {
				const whole = await service.members(space, everyPage);
				expect(whole).toEqual({
					more: false,
					rows: ids.map((userId, index) => ({
						userId,
						email: `${["first", "one", "two", "three"][index]}@example.com`,
						name: index === 1 ? "Uno" : null,
						role: index === 0 ? "owner" : space === 1 ? "writer" : "reader",
					})),
				});
				const page = await service.members(space, { after: ids[0], limit: 2 });
				expect(page).toEqual({ rows: whole.rows.slice(1, 3), more: true });
				const rest = await service.members(space, { after: ids[2], limit: 2 });
				expect(rest).toEqual({ rows: whole.rows.slice(3), more: false });
			}
			await users.remove("two@example.com");
			for (const space of [1, id]) {
				const found = await service.members(space, everyPage);
				expect(found.rows.map(({ userId }) => userId)).toEqual(ids.filter((_, index) => index !== 2));
			}
		});

		test("one name is one living space's, also for two that ask at once", async () => {
			const { service, first, make } = await opened();
			const taken = { code: "conflict" };
			const [one, two] = await Promise.allSettled([make("acme", first), make("acme", first)]);
			expect([one?.status, two?.status].sort()).toEqual(["fulfilled", "rejected"]);
			await expect(make("acme", first)).rejects.toMatchObject(taken);
			await expect(make("default", first)).rejects.toMatchObject(taken);
			expect((await service.list()).map(({ name }) => name)).toEqual(["default", "acme"]);
		});

		test("a name is free from the deletion on, also in the same group", async () => {
			const { service, first, make } = await opened();
			const old = await make("acme", first);
			const [removed, made] = await Promise.allSettled([remove(service, old), make("acme", first)]);
			expect([removed.status, made.status]).toEqual(["fulfilled", "fulfilled"]);
			const space = await reach(service, "acme", first);
			expect(space?.space.id).not.toBe(old.id);
			expect((await service.list()).map(({ name }) => name)).toEqual(["default", "acme"]);
		});

		test(`a maker has ${madeMax} living ones, and one of two that race for the last`, async () => {
			const { service, first, addUser, make } = await opened();
			const spaces = await Promise.all(
				Array.from({ length: madeMax - 1 }, (_, index) => make(`s-${index}`, first)),
			);
			const raced = await Promise.allSettled([make("last-a", first), make("last-b", first)]);
			expect(raced.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
			await expect(make("more", first)).rejects.toMatchObject({ code: "conflict" });
			await make("more", await addUser("other"));
			await remove(service, spaces[0] as SpaceRow);
			await make("again", first);
		});

		test("ids are never given twice, also when the newest one was removed, purged or not", async () => {
			const { service, first, make } = await opened();
			const ids = new Set<SpaceId>([1]);
			for (let round = 0; round < 4; round++) {
				const space = await make("acme", first);
				expect(ids.has(space.id)).toBe(false);
				ids.add(space.id);
				await remove(service, space);
				if (round % 2 === 1) while (await service.purge(100));
			}
			expect(ids.size).toBe(5);
		});

		test("a deleted one is there for nobody, cannot change, and is not deleted twice", async () => {
			const { storage, service, first, addUser, make } = await opened();
			const space = await make("acme", first);
			const userId = await addUser("other");
			await service.setMember({ space: space.id, userId, role: "writer" });
			await remove(service, space);
			const gone = { code: "not_found" };
			expect(await reach(service, "acme", first)).toBeUndefined();
			const reached = await service.reachedBy(first, { after: undefined, limit: 9, only: null });
			expect(reached.rows.map(({ space }) => space.name)).toEqual(["default"]);
			await expect(remove(service, space)).rejects.toMatchObject(gone);
			await expect(service.update({ id: space.id, ifMatch: "any", title: "x" })).rejects.toMatchObject(gone);
			const member = { space: space.id, userId };
			await expect(service.setMember({ ...member, role: "owner" })).rejects.toMatchObject(gone);
			await expect(service.removeMember(member)).rejects.toMatchObject(gone);
			expect((await storage.events.range()).rev).toBe(0);
		});

		test("a unit works in a living space alone, also where the deletion is in its own group", async () => {
			const { storage, service, first, make } = await opened();
			const space = await make("acme", first);
			const tasks = taskService(storage.tasks, inLivingSpaces(storage.run));
			const create = (space: SpaceId) => {
				const task = { title: "x" };
				const context = { ...systemContext, space };
				return tasks.create({ id: newId(), task, author: "Ada", idempotent: undefined, now, context });
			};
			await create(space.id);
			const [before, removed, after, inDefault] = await Promise.allSettled([
				create(space.id),
				remove(service, space),
				create(space.id),
				create(1),
			]);
			expect([before.status, removed.status, inDefault.status]).toEqual(Array(3).fill("fulfilled"));
			expect(after).toMatchObject({ status: "rejected", reason: { code: "not_found" } });
			await expect(create(space.id)).rejects.toMatchObject({ code: "not_found" });
			await expect(create(99)).rejects.toMatchObject({ code: "not_found" });
			expect((await storage.events.range()).rev).toBe(3);
		});

		test("what a deleted one has left is removed in portions, and nothing of others", async () => {
			const { storage, service, first, make } = await opened();
			const old = await make("old", first);
			const kept = await make("kept", first);
			for (const space of [1, old.id, kept.id]) for (let n = 0; n < 5; n++) await taskIn(storage, space);
			expect(await service.purge(2)).toBe(false);
			await remove(service, old);
			expect(await service.purge(2)).toBe(true);
			while (await service.purge(2));
			expect(await service.purge(2)).toBe(false);
			const list = async (space: SpaceId) =>
				(await storage.tasks.list(pageQuery({ space, order: "asc", limit: 10 }))).rows.length;
			expect([await list(1), await list(old.id), await list(kept.id)]).toEqual([5, 0, 5]);
			const events = await storage.events.read({
				...{ space: "every", after: 0, limit: 100, bytesMax: 1e6, types: ["task.created"] },
			});
			expect(events.rows.map(({ space }) => space).sort()).toEqual([1, 1, 1, 1, 1, 3, 3, 3, 3, 3]);
			expect((await storage.tasks.revision(kept.id)).tasksRev).toBeGreaterThan(0);
			expect((await storage.tasks.revision(old.id)).tasksRev).toBe(0);
			expect(await rolesOf(service, kept.id)).toEqual([[first, "owner"]]);
		});
	});

	describe("members", () => {
		const onlyOwner = { code: "conflict" };

		test("a space keeps an owner: the last one neither leaves nor takes another role", async () => {
			const { service, first, addUser, make } = await opened();
			const { id } = await make("acme", first);
			const second = await addUser("second");
			for (const space of [1, id]) {
				await service.setMember({ space, userId: second, role: "writer" });
				for (const role of ["reader", "writer"] as const) {
					await expect(service.setMember({ space, userId: first, role })).rejects.toMatchObject(onlyOwner);
				}
				await service.setMember({ space, userId: first, role: "owner" });
			}
			await expect(service.removeMember({ space: id, userId: first })).rejects.toMatchObject(onlyOwner);
			await service.setMember({ space: id, userId: second, role: "owner" });
			await service.removeMember({ space: id, userId: first });
			expect(await rolesOf(service, id)).toEqual([[second, "owner"]]);
		});

		test("of all owners that leave at once, one stays; likewise of those whose roles are reduced", async () => {
			const { service, first, addUser, make } = await opened();
			const ids = [first, await addUser("second"), await addUser("third")];
			for (const end of ["leave", "reduce"] as const) {
				const { id } = await make(end, first);
				for (const userId of ids) await service.setMember({ space: id, userId, role: "owner" });
				const ended = await Promise.allSettled(
					ids.map((userId) =>
						end === "leave"
							? service.removeMember({ space: id, userId })
							: service.setMember({ space: id, userId, role: "reader" }),
					),
				);
				expect(ended.map(({ status }) => status).sort()).toEqual(["fulfilled", "fulfilled", "rejected"]);
				const owners = (await rolesOf(service, id)).filter(([, role]) => role === "owner");
				expect(owners).toHaveLength(1);
			}
		});

		test("a stranger is not removed, a user that is not there is not added, and nobody leaves default", async () => {
			const { service, users, first, addUser, make } = await opened();
			const { id } = await make("acme", first);
			const stranger = await addUser("stranger");
			const notFound = { code: "not_found" };
			await expect(service.removeMember({ space: id, userId: stranger })).rejects.toMatchObject(notFound);
			await expect(service.setMember({ space: id, userId: newId(), role: "reader" })).rejects.toMatchObject(
				notFound,
			);
			await expect(service.removeMember({ space: 1, userId: stranger })).rejects.toMatchObject({
				code: "conflict",
			});
			await expect(service.removeMember({ space: 1, userId: newId() })).rejects.toMatchObject(notFound);
			await users.remove("stranger@example.com");
			for (const space of [1, id]) {
				await expect(service.setMember({ space, userId: stranger, role: "reader" })).rejects.toMatchObject(
					notFound,
				);
			}
		});

		test("an only owner of living spaces is not removed, and the error names the spaces", async () => {
			const { service, users, addUser, make } = await opened();
			const userId = await addUser("maker");
			const other = await addUser("other");
			const [one, two, shared] = [
				await make("one", userId),
				await make("two", userId),
				await make("three", userId),
			];
			await service.setMember({ space: shared.id, userId: other, role: "owner" });
			await service.setMember({ space: one.id, userId: other, role: "writer" });
			const error = await users.remove("maker@example.com").catch((reason) => reason);
			expect(error).toBeInstanceOf(OnlyOwnerError);
			expect(error.spaces).toEqual([one.id, two.id]);
			expect(await reach(service, "one", userId)).toBeDefined();
			await service.setMember({ space: one.id, userId: other, role: "owner" });
			// What was deleted and is not purged yet keeps nobody.
			await remove(service, two);
			expect(await users.remove("maker@example.com")).toBe(true);
			expect(await rolesOf(service, one.id)).toEqual([[other, "owner"]]);
			expect(await rolesOf(service, shared.id)).toEqual([[other, "owner"]]);
		});

		test("default keeps an owner too, and the user after the last removed one owns it", async () => {
			const { service, users, first, addUser } = await opened();
			await expect(users.remove("first@example.com")).rejects.toBeInstanceOf(OnlyOwnerError);
			const second = await addUser("second");
			await service.setMember({ space: 1, userId: second, role: "owner" });
			expect(await users.remove("first@example.com")).toBe(true);
			expect(await rolesOf(service, 1)).toEqual([[second, "owner"]]);
			expect(await reach(service, "default", first)).toMatchObject({ role: "writer" });
		});

		test(`a space has ${membersMax} members; more can be users of default`, async () => {
			const { storage, service, addUser, first, make } = await opened();
			const { id } = await make("acme", first);
			const last = await addUser("last");
			const beyond = await addUser("beyond");
			const others = Array.from({ length: membersMax - 2 }, () => newId());
			const put = (userId: string) =>
				storage.run({
					reads: [members.reads({ ofSpace: id, userId })],
					decide: (work) => work.rows(members).put({ space: id, userId, role: "reader" }),
				});
			await Promise.all(others.map(put));
			const raced = await Promise.allSettled(
				[last, beyond].map((userId) => service.setMember({ space: id, userId, role: "reader" })),
			);
			expect(raced.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
			await service.setMember({ space: id, userId: last, role: "writer" });
			await service.setMember({ space: 1, userId: beyond, role: "reader" });
		});
	});

	describe("read sets of spaces and members", () => {
		const readSetError = { name: "ReadSetError" };

		test("a unit uses what it names, though others of its group name more", async () => {
			const { storage, first, make } = await opened();
			const { id } = await make("acme", first);
			const row = (await storage.spaces.list())[1] as SpaceRow;
			const member = { space: id, userId: first, role: "owner" } as const;
			const all = [
				spacesCollection.reads({ ids: [id], names: ["acme"], madeBy: first }),
				members.reads({ ofSpace: id, userId: first, everywhereOf: first }),
			];
			const none = [spacesCollection.reads({}), members.reads({})];
			const uses: readonly ((work: UnitOfWork) => unknown)[] = [
				(work) => work.rows(spacesCollection).find(id),
				(work) => work.rows(spacesCollection).findByName("acme"),
				(work) => work.rows(spacesCollection).countMadeBy(first),
				(work) => work.rows(spacesCollection).nextId(),
				(work) => work.rows(spacesCollection).update(row),
				(work) => work.rows(members).isUser(first),
				(work) => work.rows(members).find(id, first),
				(work) => work.rows(members).ofSpace(id),
				(work) => work.rows(members).everywhereOf(first),
				(work) => work.rows(members).put(member),
				(work) => work.rows(members).remove(member),
				(work) => work.rows(members).forget(first),
			];
			for (const use of uses) {
				const [allowed, refused, unnamed] = await Promise.allSettled([
					storage.run({ reads: all, decide: (work) => void use(work) }),
					storage.run({ reads: none, decide: use }),
					storage.run({ reads: [], decide: use }),
				]);
				expect([use.toString(), allowed.status]).toEqual([use.toString(), "fulfilled"]);
				expect(refused).toMatchObject({ status: "rejected", reason: readSetError });
				expect(unnamed).toMatchObject({ status: "rejected", reason: readSetError });
				await storage.run({ reads: all, decide: (work) => work.rows(members).put(member) });
			}
		});

		test("what a failed unit did is undone, in the same group too", async () => {
			const { storage, service, first, make } = await opened();
			const { id } = await make("acme", first);
			const row = (await storage.spaces.list())[1] as SpaceRow;
			const reads = [
				spacesCollection.reads({ ids: [id], names: ["new"], madeBy: first }),
				members.reads({ ofSpace: id, userId: first, everywhereOf: first }),
			];
			const [failed, made] = await Promise.allSettled([
				storage.run({
					reads,
					decide(work) {
						const rows = work.rows(spacesCollection);
						rows.insert({ ...row, id: rows.nextId(), name: "new" });
						rows.update({ ...row, title: "lost" });
						work.rows(members).forget(first);
						throw new Error("on purpose");
					},
				}),
				make("new", first),
			]);
			expect([failed.status, made.status]).toEqual(["rejected", "fulfilled"]);
			expect((await service.list()).map(({ name, title }) => [name, title])).toEqual([
				["default", ""],
				["acme", ""],
				["new", ""],
			]);
			expect(await rolesOf(service, id)).toEqual([[first, "owner"]]);
		});
	});
}
