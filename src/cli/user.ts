import { passwords } from "../auth/passwords.ts";
import { type UserService, userService } from "../auth/users.ts";
import { systemClock } from "../kernel/clock.ts";
import {
	isEmail,
	isName,
	isPassword,
	nameLengthMax,
	normalizeEmail,
	passwordLengthMax,
	passwordLengthMin,
} from "../kernel/credentials.ts";
import { newId } from "../kernel/ids.ts";
import { membership, OnlyOwnerError } from "../spaces/members.ts";
import { withStorage } from "./environment.ts";
import { fail, succeed } from "./outcome.ts";
import { readPassword } from "./password-prompt.ts";

interface AddOptions {
	readonly name?: string;
}

/** Each returns the exit code. */
export async function add(address: string, { name }: AddOptions): Promise<number> {
	const email = normalizeEmail(address);
	if (!isEmail(email)) return fail(`${address} is not an e-mail address.`);
	if (name !== undefined && !isName(name)) {
		return fail(`A name has 1 to ${nameLengthMax} characters, none of them a control character.`);
	}
	const passwordHash = await newPasswordHash(email);
	if (passwordHash === undefined) return 1;
	const user = { id: newId(), email: address, name, passwordHash, now: systemClock() };
	const isNew = await withUsers((users) => users.add(user));
	return isNew ? succeed(`Added ${email}.`) : fail(`There is a user ${email} already.`);
}

export async function passwd(address: string): Promise<number> {
	const email = normalizeEmail(address);
	const user = await withUsers((users) => users.findByAddress(address));
	if (user === undefined) return fail(`There is no user ${email}.`);
	const passwordHash = await newPasswordHash(email);
	if (passwordHash === undefined) return 1;
	const isSet = await withUsers((users) => users.setPassword(address, passwordHash));
	return isSet
		? succeed(`Set the password of ${email}; earlier logins have ended.`)
		: fail(`There is no user ${email}.`);
}

export async function remove(address: string): Promise<number> {
	const email = normalizeEmail(address);
	return withStorage(async ({ users, spaces, run }) => {
		try {
			const wasThere = await userService(users, run, membership).remove(address);
			return wasThere ? succeed(`Removed ${email}.`) : fail(`There is no user ${email}.`);
		} catch (error) {
			if (!(error instanceof OnlyOwnerError)) throw error;
			const found = await spaces.namesOf(error.spaces);
			const names = error.spaces.flatMap((id) => found.get(id) ?? []).join(", ");
			return fail(`${email} is the only owner of ${names}: make another member an owner first.`);
		}
	});
}

export async function list(): Promise<void> {
	for (const { email } of await withUsers((users) => users.list())) console.log(email);
}

function withUsers<T>(job: (users: UserService) => Promise<T>): Promise<T> {
	return withStorage(({ users, run }) => job(userService(users, run, membership)));
}

async function newPasswordHash(email: string): Promise<string | undefined> {
	const password = await readPassword(`Password for ${email}: `);
	if (!isPassword(password)) {
		fail(`A password has ${passwordLengthMin} to ${passwordLengthMax} characters.`);
		return undefined;
	}
	return passwords().hash(password);
}
