import { asc, eq, sql } from "drizzle-orm";
import type { User, UserStore } from "../../auth/store.ts";
import type { Writer } from "../writer.ts";
import type { Db } from "./connection.ts";
import { read, readNow } from "./errors.ts";
import { users } from "./schema.ts";

const keptMax = 1000;

/** Users looked up before are kept while nobody commits: `stamp` tells (see stamp.ts). */
export function userStore(writer: Writer, db: Db, stamp: () => number): UserStore {
	const byId = db
		.select()
		.from(users)
		.where(eq(users.id, sql.placeholder("id")))
		.prepare();

	const kept = new Map<string, User>();
	let keptAt = -1;

	function find(id: string): User | undefined {
		const now = stamp();
		if (now !== keptAt || kept.size >= keptMax) kept.clear();
		keptAt = now;
		const user = kept.get(id) ?? byId.get({ id });
		if (user !== undefined) kept.set(id, user);
		return user;
	}

	/** Runs a statement in a transaction of the writer's and counts the rows it touched. */
	async function touch(statement: () => readonly unknown[]): Promise<boolean> {
		return (await writer.run({ needs: {}, apply: statement })).length > 0;
	}

	return {
		find: (id) => readNow(() => find(id)),
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
