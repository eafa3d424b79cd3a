import { asc, eq, sql } from "drizzle-orm";
import { bigint, pgTable, text, uuid } from "drizzle-orm/pg-core";
import {
	users as collection,
	type User,
	type UserReadSet,
	type UserRows,
	type UserStore,
} from "../../../auth/store.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import { BatchLoader } from "../batch-loader.ts";
import { type GroupRows, type Registration, type StoreContext, unitsOf } from "../collection.ts";
import type { Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import type { Pool } from "../pool.ts";
import { TableStatements } from "../table-statements.ts";

export const userTable = pgTable("users", {
	id: uuid().primaryKey(),
	email: text().notNull().unique(),
	name: text(),
	passwordHash: text("password_hash").notNull(),
	/** Raised by a new password, which revokes tokens of older generations. A new log epoch sets it to a time in seconds. */
	tokenGeneration: bigint("token_generation", { mode: "number" }).notNull(),
	createdAt: bigint("created_at", { mode: "number" }).notNull(),
});

export const userStatements = new TableStatements(userTable, { key: "id", fixed: ["email", "createdAt"] });

export const users = {
	tables: { users: userTable },
	units: unitsOf(collection, () => new UserGroupRows()),
	beginEpoch: (tx: Tx, { tokenGenerationMin }: NewEpoch) =>
		tx`UPDATE users SET token_generation = GREATEST(token_generation + 1, ${tokenGenerationMin}::bigint)`,
	store: userStore,
} satisfies Registration<UserStore, { users: User }>;

class UserGroupRows extends IdentityMap<User> implements UserRows, GroupRows<UserReadSet, UserRows> {
	readonly rows = this;

	constructor() {
		super(({ id }) => id);
	}

	/** Locks the rows as well: earlier versions of the program change users without the lock of the log's head. */
	async fetch(tx: Tx, readSets: readonly UserReadSet[]): Promise<void> {
		const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
		const emails = readSets.flatMap((readSet) => readSet.emails ?? []);
		if (ids.length === 0 && emails.length === 0) return;
		this.load(
			await tx<User[]>`
				SELECT ${userStatements.columns(tx)} FROM users
				WHERE id = ANY(${ids}::uuid[]) OR email = ANY(${emails}::text[])
				ORDER BY id FOR UPDATE`,
		);
	}

	find(id: string): User | undefined {
		return this.get(id);
	}

	findByEmail(email: string): User | undefined {
		for (const user of this.values()) if (user.email === email) return user;
		return undefined;
	}

	insert(row: User): void {
		this.add(row);
	}

	update(row: User): void {
		this.put(row);
	}

	remove(row: User): void {
		this.delete(row);
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return userStatements.write(tx, this.changes());
	}
}

function userStore({ pool, db }: StoreContext): UserStore {
	const byId = new BatchLoader((ids: ReadonlySet<string>) => usersById(pool, ids));
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
	};
}

async function usersById(pool: Pool, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, User>> {
	const found = await pool.query(
		() => pool.sql<User[]>`
			SELECT ${userStatements.columns(pool.sql)} FROM users WHERE id = ANY(${[...ids]}::uuid[])`,
	);
	return new Map(found.map((user) => [user.id, user]));
}
