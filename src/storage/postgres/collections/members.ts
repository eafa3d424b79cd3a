import { index, integer, pgTable, primaryKey, text, uuid } from "drizzle-orm/pg-core";
import { defaultSpace, type SpaceId } from "../../../kernel/space.ts";
import {
	members as collection,
	type MemberReadSet,
	type MemberRow,
	type MemberRows,
	type Role,
} from "../../../spaces/store.ts";
import { type GroupRows, type Registration, unitsOf } from "../collection.ts";
import type { Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import { TableStatements } from "../table-statements.ts";

export const memberTable = pgTable(
	"members",
	{
		space: integer().notNull(),
		userId: uuid("user_id").notNull(),
		role: text().$type<Role>().notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.space, table.userId] }),
		index("members_by_user").on(table.userId, table.space),
	],
);

const memberStatements = new TableStatements(memberTable, { key: "userId", fixed: [] });

export const members = {
	tables: { members: memberTable },
	units: unitsOf(collection, () => new MemberGroupRows()),
	/** What is read of members, spaces' store reads. */
	store: () => undefined,
} satisfies Registration<undefined, { members: MemberRow }>;

class MemberGroupRows
	extends IdentityMap<MemberRow>
	implements MemberRows, GroupRows<MemberReadSet, MemberRows>
{
	readonly rows = this;
	readonly #users = new IdentityMap<string>((id) => id);

	constructor() {
		super(({ space, userId }) => keyOf(space, userId));
	}

	/**
	 * The rows of `default` are its owners, and those of the users that are named. Who is removed leaves living spaces alone:
	 * what is left of a deleted one keeps nobody.
	 */
	async fetch(tx: Tx, readSets: readonly MemberReadSet[]): Promise<void> {
		const spaces = readSets.flatMap(({ ofSpace }) => ofSpace ?? []);
		const leaving = readSets.flatMap(({ everywhereOf }) => everywhereOf ?? []);
		const ids = readSets.flatMap(({ userId }) => userId ?? []);
		if (spaces.length + leaving.length + ids.length === 0) return;
		const [found, users] = await Promise.all([
			tx<MemberRow[]>`SELECT ${memberStatements.columns(tx)} FROM members
				WHERE space = ANY(${spaces}::integer[]) AND (
						space <> ${defaultSpace} OR role = 'owner' OR user_id = ANY(${ids}::uuid[]))
					OR (user_id = ANY(${leaving}::uuid[]) OR role = 'owner' AND space IN (
							SELECT space FROM members WHERE user_id = ANY(${leaving}::uuid[]) AND role = 'owner'))
						AND space IN (SELECT id FROM spaces WHERE deleted_at IS NULL)`,
			tx<{ id: string }[]>`SELECT id FROM users WHERE id = ANY(${ids}::uuid[])`,
		]);
		this.load(found);
		this.#users.load(users.map(({ id }) => id));
	}

	isUser(userId: string): boolean {
		return this.#users.get(userId) !== undefined;
	}

	find(space: SpaceId, userId: string): MemberRow | undefined {
		return this.get(keyOf(space, userId));
	}

	ofSpace(space: SpaceId): readonly MemberRow[] {
		return [...this.values()].filter((member) => member.space === space);
	}

	everywhereOf(userId: string): readonly MemberRow[] {
		const found = [...this.values()].filter((member) => member.userId === userId);
		return found.sort((one, other) => one.space - other.space);
	}

	remove(row: MemberRow): void {
		this.delete(row);
	}

	forget(userId: string): void {
		for (const member of this.everywhereOf(userId)) this.delete(member);
		this.#users.delete(userId);
	}

	override keep(): void {
		super.keep();
		this.#users.keep();
	}

	override undo(): void {
		super.undo();
		this.#users.undo();
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		const { inserted, updated, removed } = this.changes();
		const kept = [...inserted, ...updated];
		return [
			...(removed.length > 0
				? [
						tx`DELETE FROM members USING unnest(
								${removed.map(({ space }) => space)}::integer[],
								${removed.map(({ userId }) => userId)}::uuid[]) AS removed (space, user_id)
							WHERE members.space = removed.space AND members.user_id = removed.user_id`,
					]
				: []),
			...(kept.length > 0
				? [
						tx`${memberStatements.insert(tx, kept)}
							ON CONFLICT (space, user_id) DO UPDATE SET role = excluded.role`,
					]
				: []),
		];
	}
}

function keyOf(space: SpaceId, userId: string): string {
	return `${space} ${userId}`;
}
