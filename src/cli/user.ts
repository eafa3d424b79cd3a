import { findUser } from "../auth/find-user.ts";
import { newUser } from "../auth/new-user.ts";
import { passwords } from "../auth/passwords.ts";
import { systemClock } from "../kernel/clock.ts";
import {
	isEmail,
	isPassword,
	normalizeEmail,
	passwordLengthMax,
	passwordLengthMin,
} from "../kernel/credentials.ts";
import { newId } from "../kernel/ids.ts";
import { withStorage } from "./environment.ts";
import { readPassword } from "./password-prompt.ts";

/** Each returns the exit code. */
export async function add(address: string): Promise<number> {
	const email = normalizeEmail(address);
	if (!isEmail(email)) return fail(`${address} is not an e-mail address.`);
	const passwordHash = await newPasswordHash(email);
	if (passwordHash === undefined) return 1;
	const user = newUser(email, passwordHash, newId, systemClock);
	const isNew = await withStorage(
		async ({ users }) => (await findUser(users, address)) === undefined && users.add(user),
	);
	return isNew ? succeed(`Added ${email}.`) : fail(`There is a user ${email} already.`);
}

export async function passwd(address: string): Promise<number> {
	const email = normalizeEmail(address);
	const user = await withStorage(({ users }) => findUser(users, address));
	if (user === undefined) return fail(`There is no user ${email}.`);
	const passwordHash = await newPasswordHash(email);
	if (passwordHash === undefined) return 1;
	const isSet = await withStorage(({ users }) => users.setPassword(user.email, passwordHash));
	return isSet
		? succeed(`Set the password of ${email}; earlier tokens have ended.`)
		: fail(`There is no user ${email}.`);
}

export async function remove(address: string): Promise<number> {
	const email = normalizeEmail(address);
	const wasThere = await withStorage(async ({ users }) => {
		const user = await findUser(users, address);
		return user !== undefined && users.remove(user.email);
	});
	return wasThere ? succeed(`Removed ${email}.`) : fail(`There is no user ${email}.`);
}

export async function list(): Promise<void> {
	for (const { email } of await withStorage(({ users }) => users.list())) console.log(email);
}

async function newPasswordHash(email: string): Promise<string | undefined> {
	const password = await readPassword(`Password for ${email}: `);
	if (!isPassword(password)) {
		fail(`A password has ${passwordLengthMin} to ${passwordLengthMax} characters.`);
		return undefined;
	}
	return passwords().hash(password);
}

function succeed(line: string): number {
	console.log(line);
	return 0;
}

function fail(line: string): number {
	console.error(`orchestrator: ${line}`);
	return 1;
}
