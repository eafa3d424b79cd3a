import { defaultSpace, type SpaceId } from "../../../kernel/space.ts";
import {
	defaultRole,
	type Member,
	type Page,
	type Paging,
	type ReachedSpace,
	type SpaceRow,
	type SpaceStore,
} from "../../../spaces/store.ts";
import { memberPage, reached, type SpaceWithRole, spacePage } from "../../collections/spaces.ts";
import { selection } from "../../table-columns.ts";
import { BatchLoader } from "../batch-loader.ts";
import type { StoreContext } from "../collection.ts";
import type { Sql } from "../connection.ts";
import type { Pool } from "../pool.ts";
import { spaceRemover } from "../space-remover.ts";
import { spaceTable } from "./space-table.ts";

export function spaceStore({ pool, tablesInSpaces }: StoreContext): SpaceStore {
	const { sql } = pool;
	const reaches = new BatchLoader((keys: ReadonlySet<string>) => reachAll(pool, keys));
	return {
		reach: async (name, userId) => {
			const key = `${userId} ${name}`;
			return (await reaches.load(key)).get(key);
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

/** `keys`: `<user's id> <space's name>` */
async function reachAll(
	pool: Pool,
	keys: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ReachedSpace | undefined>> {
	const { sql } = pool;
	const wanted = [...keys].map((key) => ({ key, userId: key.slice(0, 36), name: key.slice(37) }));
	const found = await pool.query(
		() => sql<(SpaceWithRole & { readonly wantedBy: string })[]>`
			SELECT ${columns(sql)}, wanted.by AS "wantedBy",
				(SELECT role FROM members WHERE space = spaces.id AND user_id = wanted.by) AS role
			FROM unnest(
				${wanted.map(({ userId }) => userId)}::uuid[],
				${wanted.map(({ name }) => name)}::text[]) AS wanted (by, space_name)
			JOIN spaces ON spaces.name = wanted.space_name AND deleted_at IS NULL`,
	);
	return new Map(
		found.map(({ wantedBy, ...space }) => [`${wantedBy} ${space.name}`, reached(space)] as const),
	);
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
