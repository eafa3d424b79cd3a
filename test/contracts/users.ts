import { describe, expect, test } from "bun:test";
import { users as collection, type User } from "../../src/auth/store.ts";
import type { NewUser } from "../../src/auth/users.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { keepUser, usersOf } from "../support/users.ts";

/** The contract of users on every database. `open` returns an empty storage. */
export function userStoreContract(open: () => Promise<Storage>): void {
	const newUser = (email: string, more: Partial<NewUser> = {}): NewUser => ({
		id: newId(),
		email,
		passwordHash: "$argon2id$…",
		now: 1_700_000_000_123,
		...more,
	});
	const kept = ({ id, email, name, passwordHash, now }: NewUser): User => ({
		id,
		email,
		name: name ?? null,
		passwordHash,
		tokenGeneration: 1,
		createdAt: now,
	});

	/** Users beside an owner: the first user owns the default space and cannot be removed. */
	async function openedWithOwner() {
		const storage = await open();
		const users = usersOf(storage);
		const owner = newUser("owner@example.com");
		await users.add(owner);
		return { storage, users, owner };
	}

	describe("users", () => {
		test("an added user is found by id and by address, with all fields", async () => {
			const users = usersOf(await open());
			for (const user of [
				newUser("ada@example.com", { now: Number.MAX_SAFE_INTEGER }),
				newUser("grace@example.com", { name: "Grace 👩‍👩‍👧 'Hopper' \\ \"" }),
			]) {
				expect(await users.add(user)).toBe(true);
				expect(await users.find(user.id)).toEqual(kept(user));
				expect(await users.findByEmail(user.email)).toEqual(kept(user));
			}
		});

		test("a generation may be a time in seconds: a new epoch sets it to one, which passes 32 bits in 2038", async () => {
			const storage = await open();
			const user = { ...kept(newUser("ada@example.com")), tokenGeneration: Date.UTC(2100) / 1000 };
			await keepUser(storage, user);
			await usersOf(storage).setPassword(user.email, "new");
			expect((await storage.users.find(user.id))?.tokenGeneration).toBe(user.tokenGeneration + 1);
		});

		test("an unknown user is not found, whatever text is looked up", async () => {
			const users = usersOf(await open());
			const user = newUser("ada@example.com");
			await users.add(user);
			for (const email of ["", "%", "ada@example", "' OR 1=1 --", "ä@ö.ü"]) {
				expect(await users.findByEmail(email)).toBeUndefined();
				expect(await users.findByAddress(email)).toBeUndefined();
				expect(await users.setPassword(email, "x")).toBe(false);
				expect(await users.remove(email)).toBe(false);
			}
			expect(await users.findByEmail("ADA@example.com")).toBeUndefined();
			expect(await users.find(newId())).toBeUndefined();
			expect(await users.rename(newId(), "nobody")).toBeUndefined();
			expect(await users.list()).toEqual([kept(user)]);
		});

		test("an address can be taken once: of several users added at once one succeeds", async () => {
			const users = usersOf(await open());
			const added = await Promise.all(
				Array.from({ length: 10 }, (_, index) =>
					users.add(newUser("ada@example.com", { passwordHash: `${index}` })),
				),
			);
			expect(added.filter(Boolean)).toHaveLength(1);
			expect((await users.findByEmail("ada@example.com"))?.passwordHash).toBe(String(added.indexOf(true)));
		});

		test("an address is one user, in whichever form it is given or kept", async () => {
			const storage = await open();
			const users = usersOf(storage);
			const [nfc, nfd] = ["NFC", "NFD"].map((form) => "zoé@example.com".normalize(form)) as [string, string];
			const old = kept(newUser(nfd));
			await keepUser(storage, old);
			for (const address of [nfc, nfd, nfc.toUpperCase(), ` ${nfd} `]) {
				expect(await users.add(newUser(address))).toBe(false);
				expect(await users.findByAddress(address)).toMatchObject({ id: old.id });
				expect(await users.setPassword(address, "new")).toBe(true);
			}
			expect(await users.find(old.id)).toEqual({ ...old, passwordHash: "new", tokenGeneration: 5 });
			expect(await users.remove(nfc)).toBe(true);
			expect(await users.add(newUser(nfd.toUpperCase()))).toBe(true);
			expect((await users.list()).map(({ email }) => email)).toEqual([nfc]);
		});

		test("the list is ordered by address, in the order of code points", async () => {
			const users = usersOf(await open());
			const emails = [
				"b@example.com",
				"a_@example.com",
				"a.b@example.com",
				"a@example.com",
				"ä@example.com",
				"aa@example.com",
			];
			for (const email of emails) await users.add(newUser(email));
			expect((await users.list()).map(({ email }) => email)).toEqual(emails.toSorted());
		});

		test("every new password raises the generation, only of that user", async () => {
			const users = usersOf(await open());
			const user = newUser("ada@example.com", { name: "Ada" });
			const other = newUser("grace@example.com");
			await users.add(user);
			await users.add(other);
			expect(await users.setPassword(user.email, "new")).toBe(true);
			const after = { ...kept(user), passwordHash: "new", tokenGeneration: 2 };
			expect(await users.find(user.id)).toEqual(after);
			await Promise.all(Array.from({ length: 10 }, (_, index) => users.setPassword(user.email, `${index}`)));
			expect((await users.find(user.id))?.tokenGeneration).toBe(12);
			expect(await users.find(other.id)).toEqual(kept(other));
		});

		test("a new name changes nothing else, and is found at once", async () => {
			const users = usersOf(await open());
			const [user, other] = [newUser("ada@example.com"), newUser("grace@example.com")];
			await users.add(user);
			await users.add(other);
			for (const name of ["Ada", "Ada", "😀".repeat(100), "ä\u2028"]) {
				expect(await users.rename(user.id, name)).toEqual({ ...kept(user), name });
				expect(await users.find(user.id)).toEqual({ ...kept(user), name });
			}
			expect(await users.find(other.id)).toEqual(kept(other));
		});

		test("a removed user is gone, and the address is free for another", async () => {
			const { users } = await openedWithOwner();
			const user = newUser("ada@example.com");
			await users.add(user);
			expect(await users.remove(user.email)).toBe(true);
			expect(await users.remove(user.email)).toBe(false);
			expect(await users.find(user.id)).toBeUndefined();
			expect(await users.rename(user.id, "late")).toBeUndefined();
			expect(await users.add(newUser(user.email))).toBe(true);
			expect(await users.find(user.id)).toBeUndefined();
		});

		test("changes of one group see one another", async () => {
			const { users, owner } = await openedWithOwner();
			const [first, second] = [newUser("ada@example.com"), newUser("ada@example.com", { name: "other" })];
			await users.add(first);
			expect(
				await Promise.all([
					users.setPassword(first.email, "new"),
					users.rename(first.id, "Ada"),
					users.add(second),
				]),
			).toEqual([true, { ...kept(first), passwordHash: "new", tokenGeneration: 2, name: "Ada" }, false]);
			expect(await users.remove(first.email)).toBe(true);
			expect(
				await Promise.all([
					users.rename(first.id, "late"),
					users.add(second),
					users.add(newUser(second.email)),
					users.rename(second.id, "other"),
				]),
			).toEqual([undefined, true, false, kept(second)]);
			expect(await users.list()).toEqual([kept(second), kept(owner)]);
		});

		test("no change of a user appends an event", async () => {
			const { storage, users } = await openedWithOwner();
			const user = newUser("ada@example.com");
			await users.add(user);
			await users.rename(user.id, "Ada");
			await users.setPassword(user.email, "new");
			await users.remove(user.email);
			expect((await storage.events.range()).rev).toBe(0);
		});

		test("a unit that uses a user which is not in its read set throws", async () => {
			const storage = await open();
			const user = kept(newUser("ada@example.com"));
			await keepUser(storage, user);
			for (const [readSet, use] of [
				[{ emails: [user.email] }, "find"],
				[{ ids: [user.id] }, "findByEmail"],
				[{ ids: [newId()] }, "update"],
				[{ emails: ["grace@example.com"] }, "remove"],
			] as const) {
				const [outcome] = await Promise.allSettled([
					storage.run<unknown>({
						reads: [collection.reads(readSet)],
						decide(work) {
							const rows = work.rows(collection);
							if (use === "find") return rows.find(user.id);
							if (use === "findByEmail") return rows.findByEmail(user.email);
							return rows[use]({ ...user, name: "lost" });
						},
					}),
				]);
				expect(outcome).toMatchObject({ status: "rejected", reason: { name: "ReadSetError" } });
			}
			expect(await storage.users.list()).toEqual([user]);
		});
	});
}
