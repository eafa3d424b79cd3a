import { canonicalObject } from "../kernel/canonical.ts";
import { timestamp } from "../kernel/clock.ts";
import { nameOf } from "../kernel/credentials.ts";
import type { Member, ReachedSpace, SpaceRow } from "./store.ts";

/** A space's canonical body: the same for every member. */
export function spaceBody(space: SpaceRow): string {
	return canonicalObject(membersOf(space));
}

/** A space in a list, with the caller's role. */
export function reachedSpaceBody({ space, role }: ReachedSpace): string {
	const { created_at, name, title, version } = membersOf(space);
	return canonicalObject({ created_at, name, role: `"${role}"`, title, version });
}

function membersOf({ createdAt, name, title, version }: SpaceRow) {
	return {
		created_at: `"${timestamp(createdAt)}"`,
		name: `"${name}"`,
		title: JSON.stringify(title),
		version: String(version),
	};
}

/** A member; the e-mail address for owners alone. */
export function memberBody({ userId, email, name, role }: Member, isForOwner: boolean): string {
	return canonicalObject({
		email: isForOwner ? JSON.stringify(email) : undefined,
		id: `"${userId}"`,
		name: JSON.stringify(nameOf({ email, name })),
		role: `"${role}"`,
	});
}
