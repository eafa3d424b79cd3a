import type { Database } from "bun:sqlite";
import type { SpaceId } from "../../../kernel/space.ts";
import {
	spaces as collection,
	type SpaceRow,
	type SpaceRows,
	type SpaceStore,
} from "../../../spaces/store.ts";
import { selection } from "../../table-columns.ts";
import { type Registration, RowsInPlace, unitsOf } from "../collection.ts";
import { TableStatements } from "../table-statements.ts";
import { spaceStore } from "./space-store.ts";
import { spaceTable } from "./space-table.ts";

export const spaces = {
	tables: { spaces: spaceTable },
	units: unitsOf(collection, (database: Database) => new SpaceRowsInPlace(database)),
	store: spaceStore,
} satisfies Registration<SpaceStore, { spaces: SpaceRow }>;

class SpaceRowsInPlace extends RowsInPlace implements SpaceRows {
	readonly #byId;
	readonly #byName;
	readonly #madeBy;
	readonly #last;
	readonly #statements;

	constructor(database: Database) {
		super();
		const living = `SELECT ${selection(spaceTable)} FROM spaces WHERE deleted_at IS NULL`;
		this.#byId = database.query<SpaceRow, [SpaceId]>(`${living} AND id = ?`);
		this.#byName = database.query<SpaceRow, [string]>(`${living} AND name = ?`);
		this.#madeBy = database.query<{ count: number }, [string]>(
			"SELECT count(*) AS count FROM spaces WHERE made_by = ? AND deleted_at IS NULL",
		);
		this.#last = database.query<{ id: SpaceId }, []>("SELECT max(id) AS id FROM spaces");
		this.#statements = new TableStatements(database, spaceTable, {
			key: "id",
			fixed: ["name", "madeBy", "rev", "createdAt"],
		});
	}

	find(id: SpaceId): SpaceRow | undefined {
		return this.#byId.get(id) ?? undefined;
	}

	findByName(name: string): SpaceRow | undefined {
		return this.#byName.get(name) ?? undefined;
	}

	countMadeBy(userId: string): number {
		return this.#madeBy.get(userId)?.count ?? 0;
	}

	nextId(): SpaceId {
		return (this.#last.get()?.id ?? 0) + 1;
	}

	insert(row: SpaceRow): void {
		this.wrote();
		this.#statements.insert(row);
	}

	update(row: SpaceRow): void {
		this.wrote();
		this.#statements.update(row);
	}
}
