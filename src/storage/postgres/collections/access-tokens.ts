import { asc, eq } from "drizzle-orm";
import { bigint, index, pgTable, text, uuid } from "drizzle-orm/pg-core";
import {
	type AccessTokenReadSet,
	type AccessTokenRow,
	type AccessTokenRows,
	type AccessTokenStore,
	accessTokens as collection,
	type OwnedAccessToken,
	type User,
} from "../../../auth/store.ts";
import { BatchLoader } from "../batch-loader.ts";
import { type GroupRows, type Registration, type StoreContext, unitsOf } from "../collection.ts";
import type { Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import type { Pool } from "../pool.ts";
import { TableStatements } from "../table-statements.ts";
import { userStatements } from "./users.ts";

export const accessTokenTable = pgTable(
	"access_tokens",
	{
		id: uuid().primaryKey(),
		userId: uuid("user_id").notNull(),
		name: text().notNull(),
		/** SHA-256 of the text, in hex. */
		hash: text().notNull().unique(),
		/** A list, as canonical JSON. */
		scopes: text().notNull(),
		/** A list of ids, as canonical JSON. Null for every space of the user. */
		spaces: text(),
		createdAt: bigint("created_at", { mode: "number" }).notNull(),
		expiresAt: bigint("expires_at", { mode: "number" }),
		lastUsedAt: bigint("last_used_at", { mode: "number" }),
	},
	(table) => [index("access_tokens_user").on(table.userId)],
);

const tokenStatements = new TableStatements(accessTokenTable, {
	key: "id",
	fixed: ["userId", "hash", "createdAt"],
});

export const accessTokens = {
	tables: { accessTokens: accessTokenTable },
	units: unitsOf(collection, () => new AccessTokenGroupRows()),
	store: accessTokenStore,
} satisfies Registration<AccessTokenStore, { accessTokens: AccessTokenRow }>;

class AccessTokenGroupRows
	extends IdentityMap<AccessTokenRow>
	implements AccessTokenRows, GroupRows<AccessTokenReadSet, AccessTokenRows>
{
	readonly rows = this;

	constructor() {
		super(({ id }) => id);
	}

	async fetch(tx: Tx, readSets: readonly AccessTokenReadSet[]): Promise<void> {
		const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
		const userIds = readSets.flatMap((readSet) => readSet.userIds ?? []);
		if (ids.length === 0 && userIds.length === 0) return;
		this.load(
			await tx<AccessTokenRow[]>`
				SELECT ${tokenStatements.columns(tx)} FROM access_tokens
				WHERE id = ANY(${ids}::uuid[]) OR user_id = ANY(${userIds}::uuid[])`,
		);
	}

	find(id: string): AccessTokenRow | undefined {
		return this.get(id);
	}

	ofUser(userId: string): readonly AccessTokenRow[] {
		return [...this.values()].filter((token) => token.userId === userId);
	}

	insert(row: AccessTokenRow): void {
		this.add(row);
	}

	update(row: AccessTokenRow): void {
		this.put(row);
	}

	remove(row: AccessTokenRow): void {
		this.delete(row);
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return tokenStatements.write(tx, this.changes());
	}
}

function accessTokenStore({ pool, db }: StoreContext): AccessTokenStore {
	const byId = new BatchLoader((ids: ReadonlySet<string>) => tokensById(pool, ids));
	const byHash = new BatchLoader((hashes: ReadonlySet<string>) => ownedByHash(pool, hashes));
	return {
		find: async (id) => (await byId.load(id)).get(id),
		findByHash: async (hash) => (await byHash.load(hash)).get(hash),
		list: (userId) =>
			pool.query(() =>
				db
					.select()
					.from(accessTokenTable)
					.where(userId === undefined ? undefined : eq(accessTokenTable.userId, userId))
					.orderBy(asc(accessTokenTable.id)),
			),
	};
}

async function tokensById(
	pool: Pool,
	ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, AccessTokenRow>> {
	const found = await pool.query(
		() => pool.sql<AccessTokenRow[]>`
			SELECT ${tokenStatements.columns(pool.sql)} FROM access_tokens WHERE id = ANY(${[...ids]}::uuid[])`,
	);
	return new Map(found.map((token) => [token.id, token]));
}

/** One statement, which has the user as JSON: the columns of both tables have names in common. */
async function ownedByHash(
	pool: Pool,
	hashes: ReadonlySet<string>,
): Promise<ReadonlyMap<string, OwnedAccessToken>> {
	const { sql } = pool;
	const found = await pool.query(
		() => sql<(AccessTokenRow & { readonly user: User | null })[]>`
			SELECT ${tokenStatements.columns(sql)}, (
				SELECT row_to_json(owner) FROM (
					SELECT ${userStatements.columns(sql)} FROM users WHERE users.id = access_tokens.user_id
				) AS owner
			) AS user
			FROM access_tokens WHERE hash = ANY(${[...hashes]}::text[])`,
	);
	return new Map(
		found.flatMap(({ user, ...token }) => (user === null ? [] : [[token.hash, { token, user }]])),
	);
}
