import { userService } from "../auth/users.ts";
import { normalizeEmail } from "../kernel/credentials.ts";
import { AppError } from "../kernel/errors.ts";
import { membership } from "../spaces/members.ts";
import { type SpaceService, spaceService } from "../spaces/service.ts";
import { type Role, roles, type SpaceRow } from "../spaces/store.ts";
import { withStorage } from "./environment.ts";
import { fail, succeed } from "./outcome.ts";

/** For the operator, whatever role the operator's own user has. Each returns the exit code. */
export async function set(space: string, address: string, role: string): Promise<number> {
	if (!isRole(role)) return fail(`A role is one of ${roles.join(", ")}.`);
	return withMember(space, address, async (spaces, { id }, userId) => {
		await spaces.setMember({ space: id, userId, role });
		return succeed(`${normalizeEmail(address)} is ${role} in ${space}.`);
	});
}

export async function remove(space: string, address: string): Promise<number> {
	return withMember(space, address, async (spaces, { id }, userId) => {
		await spaces.removeMember({ space: id, userId });
		return succeed(`Removed ${normalizeEmail(address)} from ${space}.`);
	});
}

/** One space a line: name and title, between tabs. */
export async function list(): Promise<void> {
	for (const { name, title } of await withStorage(({ spaces }) => spaces.list())) {
		console.log(title === "" ? name : `${name}\t${title}`);
	}
}

type Job = (spaces: SpaceService, space: SpaceRow, userId: string) => Promise<number>;

function withMember(name: string, address: string, job: Job): Promise<number> {
	return withStorage(async ({ spaces: store, users, run }) => {
		const space = (await store.list()).find((one) => one.name === name);
		if (space === undefined) return fail(`There is no space ${name}.`);
		const user = await userService(users, run, membership).findByAddress(address);
		if (user === undefined) return fail(`There is no user ${normalizeEmail(address)}.`);
		try {
			return await job(spaceService(store, run), space, user.id);
		} catch (error) {
			if (error instanceof AppError && error.code === "not_found") {
				return fail(`${user.email} is no member of ${name}.`);
			}
			if (error instanceof AppError && error.code === "conflict") return fail(error.message);
			throw error;
		}
	});
}

function isRole(text: string): text is Role {
	return (roles as readonly string[]).includes(text);
}
