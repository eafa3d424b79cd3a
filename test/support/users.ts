import { type User, users } from "../../src/auth/store.ts";
import { type UserService, userService } from "../../src/auth/users.ts";
import { newId } from "../../src/kernel/ids.ts";
import { membership } from "../../src/spaces/members.ts";
import type { Storage } from "../../src/storage/storage.ts";

export const testEmail = "ada@example.com";
export const testPassword = "correct horse battery";

/** One hash for all tests: argon2id is slow on purpose. */
const passwordHash = await Bun.password.hash(testPassword, {
	algorithm: "argon2id",
	memoryCost: 1024,
	timeCost: 1,
});

/** The use cases of a storage's users. */
export function usersOf(storage: Pick<Storage, "users" | "run">): UserService {
	return userService(storage.users, storage.run, membership);
}

/** Keeps a user as it is, with an address in any form. */
export function keepUser({ run }: Pick<Storage, "run">, user: User): Promise<void> {
	return run({ reads: [users.inserts()], decide: (work) => work.rows(users).insert(user) });
}

/** Adds a user with the test password, if the address is new, and logs in; returns an `Authorization` header. */
export async function addUser(storage: Storage, url: string, email = testEmail): Promise<string> {
	await usersOf(storage).add({ id: newId(), email, passwordHash, now: Date.now() });
	return logIn(url, email);
}

export async function logIn(url: string, email = testEmail, password = testPassword): Promise<string> {
	const response = await fetch(`${url}/auth/login`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ email, password }),
	});
	const { access_token: token } = (await response.json()) as { access_token: string };
	return `Bearer ${token}`;
}
