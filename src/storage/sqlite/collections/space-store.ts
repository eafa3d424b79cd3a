import type { User } from "../../../auth/store.ts";
import { defaultSpace, type SpaceId } from "../../../kernel/space.ts";
import {
	defaultRole,
	type Member,
	type MemberLookUp,
	type Page,
	type Paging,
	type Role,
	type SpaceRow,
	type SpaceStore,
} from "../../../spaces/store.ts";
import { memberPage, reached, type SpaceWithRole, spacePage } from "../../collections/spaces.ts";
import { selection } from "../../table-columns.ts";
import type { StoreContext } from "../collection.ts";
import { spaceRemover } from "../space-remover.ts";
import { spaceTable } from "./space-table.ts";
import { userTable } from "./users.ts";

const cachedMax = 10_000;

type MemberOfDefault = Omit<Member, "role"> & { readonly role: Role | null };

export function spaceStore({ database, read, run, changeCounter, tablesInSpaces }: StoreContext): SpaceStore {
	const columns = selection(spaceTable);
	const byName = database.query<SpaceWithRole, { name: string; userId: string }>(`
		SELECT ${columns}, (SELECT role FROM members WHERE space = id AND user_id = $userId) AS role
		FROM spaces WHERE name = $name AND deleted_at IS NULL`);
	const ofUser = database.query<
		SpaceWithRole,
		{ userId: string; after: SpaceId; only: string | null; limit: number }
	>(`
		SELECT ${columns}, (SELECT role FROM members WHERE space = id AND user_id = $userId) AS role
		FROM spaces WHERE id > $after AND deleted_at IS NULL
			AND (id = ${defaultSpace} OR id IN (SELECT space FROM members WHERE user_id = $userId))
			AND ($only IS NULL OR id IN (SELECT value FROM json_each($only)))
		ORDER BY id LIMIT $limit`);
	const all = database.query<SpaceRow, []>(
		`SELECT ${columns} FROM spaces WHERE deleted_at IS NULL ORDER BY id`,
	);
	const name = database.query<{ name: string }, [SpaceId]>(
		"SELECT name FROM spaces WHERE id = ? AND deleted_at IS NULL",
	);
	const ofSpace = database.query<Member, { space: SpaceId; after: string; limit: number }>(`
		SELECT user_id AS userId, email, name, role FROM members JOIN users ON users.id = user_id
		WHERE space = $space AND user_id > $after ORDER BY user_id LIMIT $limit`);
	const ofDefault = database.query<MemberOfDefault, { after: string; limit: number }>(`
		SELECT id AS userId, email, name,
			(SELECT role FROM members WHERE space = ${defaultSpace} AND user_id = id) AS role
		FROM users WHERE id > $after ORDER BY id LIMIT $limit`);

	const userById = database.query<User, [string]>(`SELECT ${selection(userTable)} FROM users WHERE id = ?`);

	/** What was looked up before; valid until the next commit. */
	const cached = new Map<string, MemberLookUp>();
	let countAt = -1;

	function lookUp(spaceName: string, userId: string): MemberLookUp {
		const count = changeCounter();
		if (count !== countAt || cached.size >= cachedMax) cached.clear();
		countAt = count;
		const key = `${spaceName} ${userId}`;
		const found = cached.get(key) ?? {
			user: userById.get(userId) ?? undefined,
			reached: reached(byName.get({ name: spaceName, userId }) ?? undefined),
		};
		// Whoever invents spaces fills no cache.
		if (found.reached !== undefined) cached.set(key, found);
		return found;
	}

	function members(space: SpaceId, { after = "", limit }: Paging<string>): Page<Member> {
		const wanted = { after, limit: limit + 1 };
		if (space !== defaultSpace) return memberPage(ofSpace.all({ space, ...wanted }), limit);
		const found = ofDefault.all(wanted).map((user) => ({ ...user, role: user.role ?? defaultRole }));
		return memberPage(found, limit);
	}

	return {
		lookUp: (spaceName, userId) => read(() => lookUp(spaceName, userId)),
		reachedBy: (userId, { after = 0, only, limit }) =>
			read(() => {
				const wanted = { userId, after, only: only && JSON.stringify(only), limit: limit + 1 };
				return spacePage(ofUser.all(wanted), limit);
			}),
		list: () => read(() => all.all()),
		namesOf: (ids) =>
			read(
				() =>
					new Map(
						ids.flatMap((id) => {
							const found = name.get(id);
							return found === null ? [] : [[id, found.name] as const];
						}),
					),
			),
		members: (space, paging) => read(() => members(space, paging)),
		purge: spaceRemover(database, run, tablesInSpaces),
	};
}
