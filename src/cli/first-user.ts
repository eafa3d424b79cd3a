import { passwords } from "../auth/passwords.ts";
import type { UserService } from "../auth/users.ts";
import type { Config } from "../config.ts";
import { systemClock } from "../kernel/clock.ts";
import { newId } from "../kernel/ids.ts";

export interface FirstUser {
	readonly email: string;
	readonly password: string;
}

/**
 * Makes sure that somebody can log in: the user that the environment names, or, if there is no user at all, one with a
 * random password. Returns the latter, whose password must be shown once; of many replicas that start at the same time
 * only the one whose user was kept gets it.
 */
export async function firstUser(
	users: UserService,
	named: Config["devUser"],
): Promise<FirstUser | undefined> {
	if (named !== undefined) {
		if ((await users.findByAddress(named.email)) === undefined) await add(users, named.email, named.password);
		return undefined;
	}
	if ((await users.list()).length > 0) return undefined;
	const user = { email: "admin@localhost", password: randomPassword() };
	return (await add(users, user.email, user.password)) ? user : undefined;
}

async function add(users: UserService, email: string, password: string): Promise<boolean> {
	const passwordHash = await passwords().hash(password);
	return users.add({ id: newId(), email, passwordHash, now: systemClock() });
}

/** 120 bits, in characters that no shell and no JSON treats in a special way. */
function randomPassword(): string {
	return Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString("base64url");
}
