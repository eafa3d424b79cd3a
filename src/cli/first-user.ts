import { normalEmail } from "../auth/email.ts";
import { passwords } from "../auth/passwords.ts";
import type { UserStore } from "../auth/store.ts";
import type { Config } from "../config.ts";
import { newId } from "../ids.ts";

export interface FirstUser {
	readonly email: string;
	readonly password: string;
}

/**
 * Sees to it that somebody can log in: the user that the environment names, or, with no user at all, one with a
 * random password. Answers with that random password's user, which must be shown once; of many replicas that start
 * at once, only the one whose user was kept has it to show.
 */
export async function firstUser(users: UserStore, named: Config["devUser"]): Promise<FirstUser | undefined> {
	if (named !== undefined) {
		const email = normalEmail(named.email);
		if ((await users.findByEmail(email)) === undefined) await add(users, email, named.password);
		return undefined;
	}
	if ((await users.list()).length > 0) return undefined;
	const user = { email: "admin@localhost", password: randomPassword() };
	return (await add(users, user.email, user.password)) ? user : undefined;
}

async function add(users: UserStore, email: string, password: string): Promise<boolean> {
	const passwordHash = await passwords().hash(password);
	return users.add({ id: newId(), email, passwordHash, tokenGeneration: 1, createdAt: Date.now() });
}

/** 120 bits, in characters that no shell and no JSON treats in a special way. */
function randomPassword(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString("base64url");
}
