import type { Database } from "bun:sqlite";
import { asc, eq, sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import {
	type AccessTokenRow,
	type AccessTokenRows,
	type AccessTokenStore,
	accessTokens as collection,
	type OwnedAccessToken,
} from "../../../auth/store.ts";
import { type Registration, RowsInPlace, type StoreContext, unitsOf } from "../collection.ts";
import type { Db } from "../connection.ts";
import { TableStatements } from "../table-statements.ts";
import { userTable } from "./users.ts";

export const accessTokenTable = sqliteTable(
	"access_tokens",
	{
		id: text().primaryKey(),
		userId: text("user_id").notNull(),
		name: text().notNull(),
		/** SHA-256 of the text, in hex. */
		hash: text().notNull().unique(),
		/** A list, as canonical JSON. */
		scopes: text().notNull(),
		/** A list of ids, as canonical JSON. Null for every space of the user. */
		spaces: text(),
		createdAt: integer("created_at").notNull(),
		expiresAt: integer("expires_at"),
		lastUsedAt: integer("last_used_at"),
	},
	(table) => [index("access_tokens_user").on(table.userId)],
);

export const accessTokens = {
	tables: { accessTokens: accessTokenTable },
	units: unitsOf(collection, (database: Database, db: Db) => new AccessTokenRowsInPlace(database, db)),
	store: accessTokenStore,
} satisfies Registration<AccessTokenStore, { accessTokens: AccessTokenRow }>;

class AccessTokenRowsInPlace extends RowsInPlace implements AccessTokenRows {
	readonly #byId;
	readonly #ofUser;
	readonly #statements;

	constructor(database: Database, db: Db) {
		super();
		this.#byId = tokenById(db);
		this.#ofUser = tokensOfUser(db);
		this.#statements = new TableStatements(database, accessTokenTable, {
			key: "id",
			fixed: ["userId", "hash", "createdAt"],
		});
	}

	find(id: string): AccessTokenRow | undefined {
		return this.#byId.get({ id });
	}

	ofUser(userId: string): readonly AccessTokenRow[] {
		return this.#ofUser.all({ userId });
	}

	insert(row: AccessTokenRow): void {
		this.wrote();
		this.#statements.insert(row);
	}

	update(row: AccessTokenRow): void {
		this.wrote();
		this.#statements.update(row);
	}

	remove(row: AccessTokenRow): void {
		this.wrote();
		this.#statements.remove(row);
	}
}

const cachedMax = 1000;

function accessTokenStore({ read, db, changeCounter }: StoreContext): AccessTokenStore {
	const byId = tokenById(db);
	const byHash = ownedByHash(db);
	const ofUser = tokensOfUser(db);

	/** Tokens looked up before; valid until the next commit. */
	const cached = new Map<string, OwnedAccessToken>();
	let countAt = -1;

	function findByHash(hash: string): OwnedAccessToken | undefined {
		const count = changeCounter();
		if (count !== countAt || cached.size >= cachedMax) cached.clear();
		countAt = count;
		const owned = cached.get(hash) ?? byHash.get({ hash });
		if (owned !== undefined) cached.set(hash, owned);
		return owned;
	}

	return {
		find: (id) => read<AccessTokenRow | undefined>(() => byId.get({ id })),
		findByHash: (hash) => read(() => findByHash(hash)),
		list: (userId) =>
			read<readonly AccessTokenRow[]>(() =>
				userId === undefined
					? db.select().from(accessTokenTable).orderBy(asc(accessTokenTable.id)).all()
					: ofUser.all({ userId }),
			),
	};
}

function tokenById(db: Db) {
	return db
		.select()
		.from(accessTokenTable)
		.where(eq(accessTokenTable.id, sql.placeholder("id")))
		.prepare();
}

function tokensOfUser(db: Db) {
	return db
		.select()
		.from(accessTokenTable)
		.where(eq(accessTokenTable.userId, sql.placeholder("userId")))
		.orderBy(asc(accessTokenTable.id))
		.prepare();
}

function ownedByHash(db: Db) {
	return db
		.select({ token: accessTokenTable, user: userTable })
		.from(accessTokenTable)
		.innerJoin(userTable, eq(userTable.id, accessTokenTable.userId))
		.where(eq(accessTokenTable.hash, sql.placeholder("hash")))
		.prepare();
}
