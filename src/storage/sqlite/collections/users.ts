import type { Database } from "bun:sqlite";
import { asc, eq, sql } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { User, UserStore } from "../../../auth/store.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import type { Registration, StoreContext } from "../collection.ts";

export const userTable = sqliteTable("users", {
	id: text().primaryKey(),
	email: text().notNull().unique(),
	passwordHash: text("password_hash").notNull(),
	/** Raised by a new password, which revokes tokens of older generations. */
	tokenGeneration: integer("token_generation").notNull(),
	createdAt: integer("created_at").notNull(),
});

export const users = {
	tables: { users: userTable },
	beginEpoch(database: Database, { tokenGenerationMin }: NewEpoch): void {
		database.run("UPDATE users SET token_generation = max(token_generation + 1, ?)", [tokenGenerationMin]);
	},
	store: userStore,
} satisfies Registration<UserStore, { users: User }>;

const cachedMax = 1000;

function userStore({ run, read, db, changeCounter }: StoreContext): UserStore {
	const byId = db
		.select()
		.from(userTable)
		.where(eq(userTable.id, sql.placeholder("id")))
		.prepare();

	/** Users looked up before; valid until the next commit. */
	const cached = new Map<string, User>();
	let countAt = -1;

	function find(id: string): User | undefined {
		const count = changeCounter();
		if (count !== countAt || cached.size >= cachedMax) cached.clear();
		countAt = count;
		const user = cached.get(id) ?? byId.get({ id });
		if (user !== undefined) cached.set(id, user);
		return user;
	}

	/** Runs a statement in a transaction of the writer; returns whether it changed a row. */
	async function touch(statement: () => readonly unknown[]): Promise<boolean> {
		return (await run({ reads: [], decide: statement })).length > 0;
	}

	return {
		find: (id) => read(() => find(id)),
		findByEmail: (email) => read(() => db.select().from(userTable).where(eq(userTable.email, email)).get()),
		list: () => read(() => db.select().from(userTable).orderBy(asc(userTable.email)).all()),
		add: (user) => touch(() => db.insert(userTable).values(user).onConflictDoNothing().returning().all()),
		setPassword: (email, passwordHash) =>
			touch(() =>
				db
					.update(userTable)
					.set({ passwordHash, tokenGeneration: sql`${userTable.tokenGeneration} + 1` })
					.where(eq(userTable.email, email))
					.returning()
					.all(),
			),
		remove: (email) => touch(() => db.delete(userTable).where(eq(userTable.email, email)).returning().all()),
	};
}
