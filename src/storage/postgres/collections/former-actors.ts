import { pgTable, text, uuid } from "drizzle-orm/pg-core";
import {
	formerActors as collection,
	type FormerActor,
	type FormerActorRows,
	type FormerActorStore,
} from "../../../auth/store.ts";
import { BatchLoader } from "../batch-loader.ts";
import { type GroupRows, type Registration, type StoreContext, unitsOf } from "../collection.ts";
import type { Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import type { Pool } from "../pool.ts";
import { TableStatements } from "../table-statements.ts";

export const formerActorTable = pgTable("former_actors", {
	/** As events have it. */
	actor: text().primaryKey(),
	name: text().notNull(),
	/** Whose token it was. */
	userId: uuid("user_id"),
});

const formerActorStatements = new TableStatements(formerActorTable, { key: "actor", fixed: [] });

export const formerActors = {
	tables: { formerActors: formerActorTable },
	units: unitsOf(collection, () => new FormerActorGroupRows()),
	store: formerActorStore,
} satisfies Registration<FormerActorStore, { formerActors: FormerActor }>;

class FormerActorGroupRows
	extends IdentityMap<FormerActor>
	implements FormerActorRows, GroupRows<Record<never, never>, FormerActorRows>
{
	readonly rows = this;

	constructor() {
		super(({ actor }) => actor);
	}

	/** No unit reads them. */
	async fetch(): Promise<void> {}

	insert(row: FormerActor): void {
		this.add(row);
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return formerActorStatements.write(tx, this.changes());
	}
}

function formerActorStore({ pool }: StoreContext): FormerActorStore {
	const byActor = new BatchLoader((actors: ReadonlySet<string>) => actorsNamed(pool, actors));
	return { find: async (actor) => (await byActor.load(actor)).get(actor) };
}

async function actorsNamed(
	pool: Pool,
	actors: ReadonlySet<string>,
): Promise<ReadonlyMap<string, FormerActor>> {
	const found = await pool.query(
		() => pool.sql<FormerActor[]>`
			SELECT ${formerActorStatements.columns(pool.sql)} FROM former_actors WHERE actor = ANY(${[...actors]}::text[])`,
	);
	return new Map(found.map((row) => [row.actor, row]));
}
