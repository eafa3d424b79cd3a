import { asc, eq, sql } from "drizzle-orm";
import type { User, UserStore } from "../../auth/store.ts";
import { BatchLoader } from "./batch-loader.ts";
import type { Db, Sql } from "./connection.ts";
import { runQuery } from "./errors.ts";
import { users } from "./schema.ts";

export function userStore(client: Sql, db: Db): UserStore {
	const byId = new BatchLoader(async (ids: ReadonlySet<string>) => {
		const found = await runQuery(
			() => client<User[]>`
				SELECT id, email, password_hash AS "passwordHash", token_generation AS "tokenGeneration",
					created_at AS "createdAt"
				FROM users WHERE id = ANY(${[...ids]}::uuid[])`,
		);
		return new Map(found.map((user) => [user.id, user]));
	});

	/** Runs a statement, a transaction by itself, and counts the rows it touched. */
	async function touch(statement: () => PromiseLike<readonly unknown[]>): Promise<boolean> {
		return (await runQuery(statement)).length > 0;
	}

	return {
		find: async (id) => (await byId.ask(id)).get(id),
		findByEmail: async (email) =>
			(await runQuery(() => db.select().from(users).where(eq(users.email, email))))[0],
		list: () =>
			runQuery(() =>
				db
					.select()
					.from(users)
					.orderBy(asc(sql`${users.email} COLLATE "C"`)),
			),
		add: (user) => touch(() => db.insert(users).values(user).onConflictDoNothing().returning()),
		setPassword: (email, passwordHash) =>
			touch(() =>
				db
					.update(users)
					.set({ passwordHash, tokenGeneration: sql`${users.tokenGeneration} + 1` })
					.where(eq(users.email, email))
					.returning(),
			),
		remove: (email) => touch(() => db.delete(users).where(eq(users.email, email)).returning()),
	};
}
