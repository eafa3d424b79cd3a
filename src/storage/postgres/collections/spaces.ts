import type { SpaceId } from "../../../kernel/space.ts";
import {
	spaces as collection,
	type SpaceReadSet,
	type SpaceRow,
	type SpaceRows,
	type SpaceStore,
} from "../../../spaces/store.ts";
import { type GroupRows, type Registration, unitsOf } from "../collection.ts";
import type { Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import { TableStatements } from "../table-statements.ts";
import { spaceStore } from "./space-store.ts";
import { spaceTable } from "./space-table.ts";

const spaceStatements = new TableStatements(spaceTable, {
	key: "id",
	fixed: ["name", "madeBy", "rev", "createdAt"],
});

export const spaces = {
	tables: { spaces: spaceTable },
	units: unitsOf(collection, () => new SpaceGroupRows()),
	store: spaceStore,
} satisfies Registration<SpaceStore, { spaces: SpaceRow }>;

class SpaceGroupRows extends IdentityMap<SpaceRow> implements SpaceRows, GroupRows<SpaceReadSet, SpaceRows> {
	readonly rows = this;
	#last: SpaceId = 0;

	constructor() {
		super(({ id }) => String(id));
	}

	async fetch(tx: Tx, readSets: readonly SpaceReadSet[]): Promise<void> {
		const ids = readSets.flatMap((readSet) => readSet.ids ?? []);
		const names = readSets.flatMap((readSet) => readSet.names ?? []);
		const makers = readSets.flatMap((readSet) => readSet.madeBy ?? []);
		if (ids.length + names.length + makers.length === 0) return;
		const [found, [newest]] = await Promise.all([
			tx<SpaceRow[]>`SELECT ${spaceStatements.columns(tx)} FROM spaces
				WHERE deleted_at IS NULL AND (id = ANY(${ids}::integer[]) OR name = ANY(${names}::text[])
					OR made_by = ANY(${makers}::uuid[]))`,
			tx<{ id: SpaceId }[]>`SELECT max(id) AS id FROM spaces`,
		]);
		this.load(found);
		this.#last = newest?.id ?? 0;
	}

	find(id: SpaceId): SpaceRow | undefined {
		const space = this.get(String(id));
		return space?.deletedAt === null ? space : undefined;
	}

	findByName(name: string): SpaceRow | undefined {
		return this.#living().find((space) => space.name === name);
	}

	countMadeBy(userId: string): number {
		return this.#living().filter(({ madeBy }) => madeBy === userId).length;
	}

	nextId(): SpaceId {
		return [...this.values()].reduce((last, { id }) => Math.max(last, id), this.#last) + 1;
	}

	insert(row: SpaceRow): void {
		this.add(row);
	}

	update(row: SpaceRow): void {
		this.put(row);
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		return spaceStatements.write(tx, this.changes());
	}

	#living(): readonly SpaceRow[] {
		return [...this.values()].filter(({ deletedAt }) => deletedAt === null);
	}
}
