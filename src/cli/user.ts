import { isEmail, normalEmail } from "../auth/email.ts";
import { passwords } from "../auth/passwords.ts";
import { newId } from "../ids.ts";
import { withStorage } from "./environment.ts";
import { readPassword } from "./password-prompt.ts";

const passwordLengthMin = 8;
const passwordLengthMax = 1024;

/** Each answers with the exit code. */
export async function add(address: string): Promise<number> {
	const email = normalEmail(address);
	if (!isEmail(email)) return refuse(`${address} is not an e-mail address.`);
	const passwordHash = await newPasswordHash(email);
	if (passwordHash === undefined) return 1;
	const user = { id: newId(), email, passwordHash, tokenGeneration: 1, createdAt: Date.now() };
	const isNew = await withStorage(({ users }) => users.add(user));
	return isNew ? say(`Added ${email}.`) : refuse(`There is a user ${email} already.`);
}

export async function passwd(address: string): Promise<number> {
	const email = normalEmail(address);
	const user = await withStorage(({ users }) => users.findByEmail(email));
	if (user === undefined) return refuse(`There is no user ${email}.`);
	const passwordHash = await newPasswordHash(email);
	if (passwordHash === undefined) return 1;
	const isSet = await withStorage(({ users }) => users.setPassword(email, passwordHash));
	return isSet
		? say(`Set the password of ${email}; earlier tokens have ended.`)
		: refuse(`There is no user ${email}.`);
}

export async function remove(address: string): Promise<number> {
	const email = normalEmail(address);
	const wasThere = await withStorage(({ users }) => users.remove(email));
	return wasThere ? say(`Removed ${email}.`) : refuse(`There is no user ${email}.`);
}

export async function list(): Promise<void> {
	for (const { email } of await withStorage(({ users }) => users.list())) console.log(email);
}

async function newPasswordHash(email: string): Promise<string | undefined> {
	const password = await readPassword(`Password for ${email}: `);
	if (password.length < passwordLengthMin || password.length > passwordLengthMax) {
		refuse(`A password has ${passwordLengthMin} to ${passwordLengthMax} characters.`);
		return undefined;
	}
	return passwords().hash(password);
}

function say(line: string): number {
	console.log(line);
	return 0;
}

function refuse(line: string): number {
	console.error(`orchestrator: ${line}`);
	return 1;
}
