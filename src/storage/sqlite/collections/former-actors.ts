import type { Database } from "bun:sqlite";
import { eq, sql } from "drizzle-orm";
import { sqliteTable, text } from "drizzle-orm/sqlite-core";
import {
	formerActors as collection,
	type FormerActor,
	type FormerActorRows,
	type FormerActorStore,
} from "../../../auth/store.ts";
import { type Registration, RowsInPlace, type StoreContext, unitsOf } from "../collection.ts";
import { TableStatements } from "../table-statements.ts";

export const formerActorTable = sqliteTable("former_actors", {
	/** As events have it. */
	actor: text().primaryKey(),
	name: text().notNull(),
	/** Whose token it was. */
	userId: text("user_id"),
});

export const formerActors = {
	tables: { formerActors: formerActorTable },
	units: unitsOf(collection, (database: Database) => new FormerActorRowsInPlace(database)),
	store: formerActorStore,
} satisfies Registration<FormerActorStore, { formerActors: FormerActor }>;

class FormerActorRowsInPlace extends RowsInPlace implements FormerActorRows {
	readonly #statements;

	constructor(database: Database) {
		super();
		this.#statements = new TableStatements(database, formerActorTable, { key: "actor", fixed: [] });
	}

	insert(row: FormerActor): void {
		this.wrote();
		this.#statements.insert(row);
	}
}

function formerActorStore({ db, read }: StoreContext): FormerActorStore {
	const byActor = db
		.select()
		.from(formerActorTable)
		.where(eq(formerActorTable.actor, sql.placeholder("actor")))
		.prepare();
	return { find: (actor) => read<FormerActor | undefined>(() => byActor.get({ actor })) };
}
