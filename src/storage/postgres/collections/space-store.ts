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
import { prefixedRow, selection } from "../../table-columns.ts";
import { BatchLoader } from "../batch-loader.ts";
import type { StoreContext } from "../collection.ts";
import type { Sql } from "../connection.ts";
import type { Pool } from "../pool.ts";
import { spaceRemover } from "../space-remover.ts";
import { spaceTable } from "./space-table.ts";
import { userTable } from "./users.ts";

export function spaceStore({ pool, tablesInSpaces }: StoreContext): SpaceStore {
	const { sql } = pool;
	const lookUps = new BatchLoader((keys: ReadonlySet<string>) => lookUpAll(pool, keys));
	return {
		lookUp: async (name, userId) => {
			const key = `${userId} ${name}`;
			return (await lookUps.load(key)).get(key) ?? { user: undefined, reached: undefined };
		},
		async reachedBy(userId, { after = 0, only, limit }) {
			const found = await pool.query(
				() => sql<SpaceWithRole[]>`
					SELECT ${columns(sql)}, (SELECT role FROM members WHERE space = id AND user_id = ${userId}) AS role
					FROM spaces WHERE id > ${after} AND deleted_at IS NULL
						AND (id = ${defaultSpace} OR id IN (SELECT space FROM members WHERE user_id = ${userId}))
						${only === null ? sql`` : sql`AND id = ANY(${[...only]}::integer[])`}
					ORDER BY id LIMIT ${limit + 1}`,
			);
			return spacePage(found, limit);
		},
		async list() {
			return [
				...(await pool.query(
					() => sql<SpaceRow[]>`SELECT ${columns(sql)} FROM spaces WHERE deleted_at IS NULL ORDER BY id`,
				)),
			];
		},
		async namesOf(ids) {
			const found = await pool.query(
				() => sql<{ id: SpaceId; name: string }[]>`
					SELECT id, name FROM spaces WHERE id = ANY(${[...ids]}::integer[]) AND deleted_at IS NULL`,
			);
			return new Map(found.map(({ id, name }) => [id, name]));
		},
		members: (space, paging) => members(pool, space, paging),
		purge: spaceRemover(pool, tablesInSpaces),
	};
}

function columns(sql: Sql) {
	return sql.unsafe(selection(spaceTable));
}

type Wanted = { readonly wantedBy: string; readonly wantedName: string; readonly role: Role | null };

/**
 * `keys`: `<user's id> <space's name>`. Postgres expects as many records of any JSON, and an index for each: so one plan
 * serves all, where the lengths of arrays would make it plan every time anew.
 */
async function lookUpAll(pool: Pool, keys: ReadonlySet<string>): Promise<ReadonlyMap<string, MemberLookUp>> {
	const { sql } = pool;
	const wanted = [...keys].map((key) => ({ by: key.slice(0, 36), space_name: key.slice(37) }));
	const found = await pool.query(
		() => sql<Wanted[]>`
			SELECT wanted.by AS "wantedBy", wanted.space_name AS "wantedName", role,
				${sql.unsafe(selection(userTable, "user."))}, ${sql.unsafe(selection(spaceTable, "space."))}
			FROM json_to_recordset(${JSON.stringify(wanted)}::text::json) AS wanted (by uuid, space_name text)
			LEFT JOIN LATERAL (SELECT * FROM users WHERE users.id = wanted.by LIMIT 1) AS users ON true
			LEFT JOIN LATERAL (
				SELECT * FROM spaces WHERE spaces.name = wanted.space_name AND deleted_at IS NULL LIMIT 1) AS spaces ON true
			LEFT JOIN LATERAL (
				SELECT role FROM members WHERE members.space = spaces.id AND members.user_id = wanted.by LIMIT 1
			) AS members ON true`,
	);
	return new Map(found.map((row) => [`${row.wantedBy} ${row.wantedName}`, lookUpOf(row)]));
}

function lookUpOf(row: Wanted): MemberLookUp {
	const space = prefixedRow<SpaceRow>(row, "space.", "id");
	return {
		user: prefixedRow<User>(row, "user.", "id"),
		reached: reached(space && { ...space, role: row.role }),
	};
}

async function members(pool: Pool, space: SpaceId, { after, limit }: Paging<string>): Promise<Page<Member>> {
	const { sql } = pool;
	const behind = (column: string) => (after === undefined ? sql`` : sql`AND ${sql(column)} > ${after}::uuid`);
	const found = await pool.query(() =>
		space === defaultSpace
			? sql<Member[]>`
				SELECT users.id AS "userId", email, name, coalesce(role, ${defaultRole}) AS role
				FROM users LEFT JOIN members ON members.user_id = users.id AND space = ${defaultSpace}
				WHERE true ${behind("users.id")} ORDER BY users.id LIMIT ${limit + 1}`
			: sql<Member[]>`
				SELECT user_id AS "userId", email, name, role FROM members JOIN users ON users.id = user_id
				WHERE space = ${space} ${behind("user_id")} ORDER BY user_id LIMIT ${limit + 1}`,
	);
	return memberPage([...found], limit);
}
