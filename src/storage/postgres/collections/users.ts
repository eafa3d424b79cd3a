import { asc, eq, sql } from "drizzle-orm";
import { bigint, pgTable, text, uuid } from "drizzle-orm/pg-core";
import type { User, UserStore } from "../../../auth/store.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import { BatchLoader } from "../batch-loader.ts";
import type { Registration, StoreContext } from "../collection.ts";
import type { Tx } from "../connection.ts";
import type { Pool } from "../pool.ts";
import { TableStatements } from "../table-statements.ts";

export const userTable = pgTable("users", {
	id: uuid().primaryKey(),
	email: text().notNull().unique(),
	passwordHash: text("password_hash").notNull(),
	/** Raised by a new password, which revokes tokens of older generations. A new log epoch sets it to a time in seconds. */
	tokenGeneration: bigint("token_generation", { mode: "number" }).notNull(),
	createdAt: bigint("created_at", { mode: "number" }).notNull(),
});

const userStatements = new TableStatements(userTable, { key: "id", fixed: [] });

export const users = {
	tables: { users: userTable },
	beginEpoch: (tx: Tx, { tokenGenerationMin }: NewEpoch) =>
		tx`UPDATE users SET token_generation = GREATEST(token_generation + 1, ${tokenGenerationMin}::bigint)`,
	store: userStore,
} satisfies Registration<UserStore, { users: User }>;

function userStore({ pool, db }: StoreContext): UserStore {
	const byId = new BatchLoader((ids: ReadonlySet<string>) => usersById(pool, ids));

	/** Runs a statement as a transaction by itself; returns whether it changed a row. */
	async function touch(statement: () => PromiseLike<readonly unknown[]>): Promise<boolean> {
		return (await pool.query(statement)).length > 0;
	}

	return {
		find: async (id) => (await byId.load(id)).get(id),
		findByEmail: async (email) =>
			(await pool.query(() => db.select().from(userTable).where(eq(userTable.email, email))))[0],
		list: () =>
			pool.query(() =>
				db
					.select()
					.from(userTable)
					.orderBy(asc(sql`${userTable.email} COLLATE "C"`)),
			),
		add: (user) => touch(() => db.insert(userTable).values(user).onConflictDoNothing().returning()),
		setPassword: (email, passwordHash) =>
			touch(() =>
				db
					.update(userTable)
					.set({ passwordHash, tokenGeneration: sql`${userTable.tokenGeneration} + 1` })
					.where(eq(userTable.email, email))
					.returning(),
			),
		remove: (email) => touch(() => db.delete(userTable).where(eq(userTable.email, email)).returning()),
	};
}

async function usersById(pool: Pool, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, User>> {
	const found = await pool.query(
		() => pool.sql<User[]>`
			SELECT ${userStatements.columns(pool.sql)} FROM users WHERE id = ANY(${[...ids]}::uuid[])`,
	);
	return new Map(found.map((user) => [user.id, user]));
}
