import type { Database } from "bun:sqlite";
import { asc, eq, sql } from "drizzle-orm";
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { users as collection, type User, type UserRows, type UserStore } from "../../../auth/store.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import { type Registration, RowsInPlace, type StoreContext, unitsOf } from "../collection.ts";
import type { Db } from "../connection.ts";
import { TableStatements } from "../table-statements.ts";

export const userTable = sqliteTable("users", {
	id: text().primaryKey(),
	email: text().notNull().unique(),
	name: text(),
	passwordHash: text("password_hash").notNull(),
	/** Raised by a new password, which revokes tokens of older generations. */
	tokenGeneration: integer("token_generation").notNull(),
	createdAt: integer("created_at").notNull(),
});

export const users = {
	tables: { users: userTable },
	units: unitsOf(collection, (database: Database, db: Db) => new UserRowsInPlace(database, db)),
	beginEpoch(database: Database, { tokenGenerationMin }: NewEpoch): void {
		database.run("UPDATE users SET token_generation = max(token_generation + 1, ?)", [tokenGenerationMin]);
	},
	store: userStore,
} satisfies Registration<UserStore, { users: User }>;

class UserRowsInPlace extends RowsInPlace implements UserRows {
	readonly #byId;
	readonly #byEmail;
	readonly #statements;

	constructor(database: Database, db: Db) {
		super();
		this.#byId = userById(db);
		this.#byEmail = userByEmail(db);
		this.#statements = new TableStatements(database, userTable, { key: "id", fixed: ["email", "createdAt"] });
	}

	find(id: string): User | undefined {
		return this.#byId.get({ id });
	}

	findByEmail(email: string): User | undefined {
		return this.#byEmail.get({ email });
	}

	insert(row: User): void {
		this.wrote();
		this.#statements.insert(row);
	}

	update(row: User): void {
		this.wrote();
		this.#statements.update(row);
	}

	remove(row: User): void {
		this.wrote();
		this.#statements.remove(row);
	}
}

const cachedMax = 1000;

function userStore({ read, db, changeCounter }: StoreContext): UserStore {
	const byId = userById(db);
	const byEmail = userByEmail(db);

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

	return {
		find: (id) => read(() => find(id)),
		findByEmail: (email) => read<User | undefined>(() => byEmail.get({ email })),
		list: () => read(() => db.select().from(userTable).orderBy(asc(userTable.email)).all()),
	};
}

function userById(db: Db) {
	return db
		.select()
		.from(userTable)
		.where(eq(userTable.id, sql.placeholder("id")))
		.prepare();
}

function userByEmail(db: Db) {
	return db
		.select()
		.from(userTable)
		.where(eq(userTable.email, sql.placeholder("email")))
		.prepare();
}
