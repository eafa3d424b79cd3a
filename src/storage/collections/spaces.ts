import { defaultSpace } from "../../kernel/space.ts";
import {
	type Member,
	type Page,
	type ReachedSpace,
	type Role,
	roleOf,
	type SpaceRow,
} from "../../spaces/store.ts";

/** What both databases share in reading spaces. */

/** A space with a user's role in it, if the user has one. */
export type SpaceWithRole = SpaceRow & { readonly role: Role | null };

/** The space as the user reaches it; undefined if the user is no member. */
export function reached(found: SpaceWithRole | undefined): ReachedSpace | undefined {
	if (found === undefined) return undefined;
	const { role: given, ...space } = found;
	const role = roleOf(space.id, given ?? undefined);
	return role && { space, role };
}

export function spacePage(found: readonly SpaceWithRole[], limit: number): Page<ReachedSpace> {
	const rows = found.slice(0, limit).flatMap((one) => reached(one) ?? []);
	return { rows, more: found.length > limit };
}

export function memberPage(found: readonly Member[], limit: number): Page<Member> {
	return { rows: found.slice(0, limit), more: found.length > limit };
}

/** A space whose rows are removed: the last one keeps its row, so that no id is given twice. */
export const removable = `deleted_at IS NOT NULL AND id <> ${defaultSpace}`;
