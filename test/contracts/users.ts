import { describe, expect, test } from "bun:test";
import type { User } from "../../src/auth/store.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { Storage } from "../../src/storage/storage.ts";

/** The contract of users on every database. `open` returns an empty storage. */
export function userStoreContract(open: () => Promise<Storage>): void {
	const newUser = (email: string, more: Partial<User> = {}): User => ({
		id: newId(),
		email,
		passwordHash: "$argon2id$…",
		tokenGeneration: 1,
		createdAt: 1_700_000_000_123,
		...more,
	});

	describe("users", () => {
		test("an added user is found by id and by address, with all fields", async () => {
			const { users } = await open();
			const user = newUser("ada@example.com", {
				createdAt: Number.MAX_SAFE_INTEGER,
				// A new epoch sets it to a time in seconds, which passes 32 bits in 2038.
				tokenGeneration: Date.UTC(2100) / 1000,
			});
			expect(await users.add(user)).toBe(true);
			expect(await users.find(user.id)).toEqual(user);
			expect(await users.findByEmail(user.email)).toEqual(user);
		});

		test("an unknown user is not found, whatever text is looked up", async () => {
			const { users } = await open();
			await users.add(newUser("ada@example.com"));
			for (const email of ["", "%", "ada@example", "ADA@example.com", "' OR 1=1 --", "ä@ö.ü"]) {
				expect(await users.findByEmail(email)).toBeUndefined();
				expect(await users.setPassword(email, "x")).toBe(false);
				expect(await users.remove(email)).toBe(false);
			}
			expect(await users.find(newId())).toBeUndefined();
			expect(await users.list()).toHaveLength(1);
		});

		test("an address can be taken once: of several users added at once one succeeds", async () => {
			const { users } = await open();
			const added = await Promise.all(
				Array.from({ length: 10 }, (_, index) =>
					users.add(newUser("ada@example.com", { passwordHash: `${index}` })),
				),
			);
			expect(added.filter(Boolean)).toHaveLength(1);
			expect((await users.findByEmail("ada@example.com"))?.passwordHash).toBe(String(added.indexOf(true)));
		});

		test("the list is ordered by address, in the order of code points", async () => {
			const { users } = await open();
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
			const { users } = await open();
			const user = newUser("ada@example.com");
			const other = newUser("grace@example.com");
			await users.add(user);
			await users.add(other);
			expect(await users.setPassword(user.email, "new")).toBe(true);
			expect(await users.find(user.id)).toEqual({ ...user, passwordHash: "new", tokenGeneration: 2 });
			await Promise.all(Array.from({ length: 10 }, (_, index) => users.setPassword(user.email, `${index}`)));
			expect((await users.find(user.id))?.tokenGeneration).toBe(12);
			expect(await users.find(other.id)).toEqual(other);
		});

		test("a removed user is gone, and the address is free for another", async () => {
			const { users } = await open();
			const user = newUser("ada@example.com");
			await users.add(user);
			expect(await users.remove(user.email)).toBe(true);
			expect(await users.remove(user.email)).toBe(false);
			expect(await users.find(user.id)).toBeUndefined();
			expect(await users.add(newUser(user.email))).toBe(true);
			expect(await users.find(user.id)).toBeUndefined();
		});
	});
}
