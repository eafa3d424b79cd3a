import type { Database } from "bun:sqlite";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { defaultSpace, type SpaceId } from "../../../kernel/space.ts";
import { members as collection, type MemberRow, type MemberRows, type Role } from "../../../spaces/store.ts";
import { selection } from "../../table-columns.ts";
import { type Registration, RowsInPlace, unitsOf } from "../collection.ts";

export const memberTable = sqliteTable(
	"members",
	{
		space: integer().notNull(),
		userId: text("user_id").notNull(),
		role: text().$type<Role>().notNull(),
	},
	(table) => [
		primaryKey({ columns: [table.space, table.userId] }),
		index("members_by_user").on(table.userId, table.space),
	],
);

export const members = {
	tables: { members: memberTable },
	units: unitsOf(collection, (database: Database) => new MemberRowsInPlace(database)),
	/** What is read of members, spaces' store reads. */
	store: () => undefined,
} satisfies Registration<undefined, { members: MemberRow }>;

class MemberRowsInPlace extends RowsInPlace implements MemberRows {
	readonly #user;
	readonly #byKey;
	readonly #all;
	readonly #owners;
	readonly #everywhere;
	readonly #put;
	readonly #remove;
	readonly #forget;

	constructor(database: Database) {
		super();
		const select = `SELECT ${selection(memberTable)} FROM members`;
		this.#user = database.query<{ id: string }, [string]>("SELECT id FROM users WHERE id = ?");
		this.#byKey = database.query<MemberRow, [SpaceId, string]>(`${select} WHERE space = ? AND user_id = ?`);
		this.#all = database.query<MemberRow, [SpaceId]>(`${select} WHERE space = ?`);
		this.#owners = database.query<MemberRow, [SpaceId]>(`${select} WHERE space = ? AND role = 'owner'`);
		this.#everywhere = database.query<MemberRow, [string]>(
			`${select} WHERE user_id = ? AND space IN (SELECT id FROM spaces WHERE deleted_at IS NULL) ORDER BY space`,
		);
		this.#put = database.query<never, [SpaceId, string, Role]>(`INSERT INTO members (space, user_id, role)
			VALUES (?, ?, ?) ON CONFLICT (space, user_id) DO UPDATE SET role = excluded.role`);
		this.#remove = database.query<never, [SpaceId, string]>(
			"DELETE FROM members WHERE space = ? AND user_id = ?",
		);
		this.#forget = database.query<never, [string]>("DELETE FROM members WHERE user_id = ?");
	}

	isUser(userId: string): boolean {
		return this.#user.get(userId) !== null;
	}

	find(space: SpaceId, userId: string): MemberRow | undefined {
		return this.#byKey.get(space, userId) ?? undefined;
	}

	ofSpace(space: SpaceId): readonly MemberRow[] {
		return space === defaultSpace ? this.#owners.all(space) : this.#all.all(space);
	}

	everywhereOf(userId: string): readonly MemberRow[] {
		return this.#everywhere.all(userId);
	}

	put({ space, userId, role }: MemberRow): void {
		this.wrote();
		this.#put.run(space, userId, role);
	}

	remove({ space, userId }: MemberRow): void {
		this.wrote();
		this.#remove.run(space, userId);
	}

	forget(userId: string): void {
		this.wrote();
		this.#forget.run(userId);
	}
}
