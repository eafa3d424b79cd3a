import { defaultSpace, type SpaceId } from "../../src/kernel/space.ts";
import { type SpaceService, spaceService } from "../../src/spaces/service.ts";
import type { Role } from "../../src/spaces/store.ts";
import type { Storage } from "../../src/storage/storage.ts";
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
