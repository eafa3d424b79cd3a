import { asc, eq, sql } from "drizzle-orm";
import type { UserStore } from "../../auth/store.ts";
import type { Writer } from "../writer.ts";
import { type Db, read } from "./database.ts";
import { users } from "./schema.ts";

export function userStore(writer: Writer, db: Db): UserStore {
	const byId = db
		.select()
		.from(users)
		.where(eq(users.id, sql.placeholder("id")))
		.prepare();

	/** Runs a statement in a transaction of the writer's and counts the rows it touched. */
	async function touch(statement: () => readonly unknown[]): Promise<boolean> {
		return (await writer.run({ needs: {}, apply: statement })).length > 0;
	}

	return {
		find: (id) => read(() => byId.get({ id })),
		findByEmail: (email) => read(() => db.select().from(users).where(eq(users.email, email)).get()),
		list: () => read(() => db.select().from(users).orderBy(asc(users.email)).all()),
		add: (user) => touch(() => db.insert(users).values(user).onConflictDoNothing().returning().all()),
		setPassword: (email, passwordHash) =>
			touch(() =>
				db
					.update(users)
					.set({ passwordHash, tokenGeneration: sql`${users.tokenGeneration} + 1` })
					.where(eq(users.email, email))
					.returning()
					.all(),
			),
		remove: (email) => touch(() => db.delete(users).where(eq(users.email, email)).returning().all()),
	};
}
