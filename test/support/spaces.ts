import { defaultSpace, type SpaceId } from "../../src/kernel/space.ts";
import { type SpaceService, spaceService } from "../../src/spaces/service.ts";
import type { Role } from "../../src/spaces/store.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { ask } from "./ask.ts";
import type { TestServer } from "./server.ts";
import { addUser, usersOf } from "./users.ts";

/** The use cases of a storage's spaces. */
export function spacesOf(storage: Pick<Storage, "spaces" | "run">): SpaceService {
	return spaceService(storage.spaces, storage.run);
}

/** Adds a user who has this role in a space, `default` unless said otherwise; returns an `Authorization` header. */
export async function addMember(
	{ storage, url }: Pick<TestServer, "storage" | "url">,
	email: string,
	role: Role,
	space: SpaceId = defaultSpace,
): Promise<string> {
	const authorization = await addUser(storage, url, email);
	const user = await usersOf(storage).findByAddress(email);
	if (user === undefined) throw new Error(`there is no user ${email}`);
	await spacesOf(storage).setMember({ space, userId: user.id, role });
	return authorization;
}

/** Makes a space of the server's user, or of the one whose `Authorization` is given; returns its id. */
export async function addSpace(
	server: TestServer,
	name: string,
	authorization = server.bearer,
): Promise<SpaceId> {
	const answer = await ask(server, "POST /spaces", { headers: { authorization }, body: { name } });
	if (answer.status !== 200) throw new Error(`no space: ${answer.status} ${answer.text}`);
	const space = (await server.storage.spaces.list()).find((one) => one.name === name);
	if (space === undefined) throw new Error(`there is no space ${name}`);
	return space.id;
}
