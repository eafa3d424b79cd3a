import type { User } from "../auth/store.ts";
import { defaultSpace, type SpaceId } from "../kernel/space.ts";
import { Collection, requireNamed } from "../kernel/unit-of-work.ts";

/** A space as both databases keep it. Times are milliseconds since the epoch. */
export interface SpaceRow {
	readonly id: SpaceId;
	readonly name: string;
	readonly title: string;
	readonly version: number;
	/** The user who made it; null for `default`. */
	readonly madeBy: string | null;
	/** The log's newest number when it was made: earlier events are not its own. */
	readonly rev: number;
	readonly createdAt: number;
	/** Null while it lives. The row stays until what was in it is removed. */
	readonly deletedAt: number | null;
}

/** In the order of their rights: each role has those of the roles before it. */
export const roles = ["reader", "writer", "owner"] as const;
export type Role = (typeof roles)[number];

/** A user's role in a space. Who has none in `default` is a writer there. */
export interface MemberRow {
	readonly space: SpaceId;
	readonly userId: string;
	readonly role: Role;
}

/** The role of users in `default` whom no owner has given another one. */
export const defaultRole: Role = "writer";

export interface SpaceReadSet {
	readonly ids?: readonly SpaceId[];
	readonly names?: readonly string[];
	/** The living spaces that a user has made, and the id of a new one. */
	readonly madeBy?: string;
}

/** Living spaces alone. */
export interface SpaceRows {
	find(id: SpaceId): SpaceRow | undefined;
	findByName(name: string): SpaceRow | undefined;
	countMadeBy(userId: string): number;
	/** An id that no space has had. */
	nextId(): SpaceId;
	insert(row: SpaceRow): void;
	update(row: SpaceRow): void;
}

/** Without a revision: changes of spaces append no event. */
export const spaces = new Collection<SpaceReadSet, SpaceRows>({
	name: "spaces",
	nothing: {},
	narrow: (rows, readSet) => new NamedSpaceRows(rows, readSet),
});

class NamedSpaceRows implements SpaceRows {
	constructor(
		private readonly rows: SpaceRows,
		private readonly readSet: SpaceReadSet,
	) {}

	find(id: SpaceId): SpaceRow | undefined {
		requireNamed(this.readSet.ids?.includes(id) ?? false, "a space");
		return this.rows.find(id);
	}

	findByName(name: string): SpaceRow | undefined {
		requireNamed(this.readSet.names?.includes(name) ?? false, "a space's name");
		return this.rows.findByName(name);
	}

	countMadeBy(userId: string): number {
		requireNamed(this.readSet.madeBy === userId, "the spaces of a maker");
		return this.rows.countMadeBy(userId);
	}

	nextId(): SpaceId {
		requireNamed(this.readSet.madeBy !== undefined, "the id of a new space");
		return this.rows.nextId();
	}

	insert(row: SpaceRow): void {
		this.rows.insert(row);
	}

	update(row: SpaceRow): void {
		requireNamed(this.readSet.ids?.includes(row.id) ?? false, "a space");
		this.rows.update(row);
	}
}

export interface MemberReadSet {
	/** Whether there is this user, and the user's role in `ofSpace`. */
	readonly userId?: string;
	/** The members of a space: all, or in `default`, where every user is one, its owners alone. */
	readonly ofSpace?: SpaceId;
	/** The roles of a user in all spaces, and the owners of those that the user owns. */
	readonly everywhereOf?: string;
}

export interface MemberRows {
	/** Whether there is a user with this id. */
	isUser(userId: string): boolean;
	find(space: SpaceId, userId: string): MemberRow | undefined;
	/** As far as the read set names them. */
	ofSpace(space: SpaceId): readonly MemberRow[];
	/** In the order of the spaces' making. */
	everywhereOf(userId: string): readonly MemberRow[];
	/** Sets a role, a first one or another. */
	put(row: MemberRow): void;
	remove(row: MemberRow): void;
	/** The user is being removed: ends all roles, and no later unit finds the user. */
	forget(userId: string): void;
}

/** Without a revision: changes of members append no event. */
export const members = new Collection<MemberReadSet, MemberRows>({
	name: "members",
	nothing: {},
	narrow: (rows, readSet) => new NamedMemberRows(rows, readSet),
});

class NamedMemberRows implements MemberRows {
	constructor(
		private readonly rows: MemberRows,
		private readonly readSet: MemberReadSet,
	) {}

	isUser(userId: string): boolean {
		requireNamed(userId === this.readSet.userId, "a user");
		return this.rows.isUser(userId);
	}

	find(space: SpaceId, userId: string): MemberRow | undefined {
		this.#requireNamed(space, userId);
		return this.rows.find(space, userId);
	}

	ofSpace(space: SpaceId): readonly MemberRow[] {
		const { ofSpace, everywhereOf } = this.readSet;
		requireNamed(space === ofSpace || everywhereOf !== undefined, "the members of a space");
		return this.rows.ofSpace(space);
	}

	everywhereOf(userId: string): readonly MemberRow[] {
		requireNamed(userId === this.readSet.everywhereOf, "a user's roles");
		return this.rows.everywhereOf(userId);
	}

	put(row: MemberRow): void {
		requireNamed(row.userId === this.readSet.userId, "a member");
		this.rows.put(row);
	}

	remove(row: MemberRow): void {
		this.#requireNamed(row.space, row.userId);
		this.rows.remove(row);
	}

	forget(userId: string): void {
		requireNamed(userId === this.readSet.everywhereOf, "a user's roles");
		this.rows.forget(userId);
	}

	#requireNamed(space: SpaceId, user: string): void {
		const { ofSpace, userId } = this.readSet;
		requireNamed(space === ofSpace && user === userId, "a member");
	}
}

/** Where to go on in a list, and how far. */
export interface Paging<Place> {
	readonly after: Place | undefined;
	readonly limit: number;
}

export interface SpacePaging extends Paging<SpaceId> {
	/** These spaces alone; null: all. */
	readonly only: readonly SpaceId[] | null;
}

export interface Page<Row> {
	readonly rows: readonly Row[];
	/** Whether there are rows after the last one. */
	readonly more: boolean;
}

/** A space as a user reaches it. */
export interface ReachedSpace {
	readonly space: SpaceRow;
	readonly role: Role;
}

/** Undefined: there is no such user, or the user does not reach such a space. */
export interface MemberLookUp {
	readonly user: User | undefined;
	readonly reached: ReachedSpace | undefined;
}

export interface Member {
	readonly userId: string;
	readonly email: string;
	/** The user's own; null for none. */
	readonly name: string | null;
	readonly role: Role;
}

/** Spaces and members in a database; living spaces alone. Throws `unavailable`. */
export interface SpaceStore {
	/** A user, and the space with this name as the user reaches it. Never older than the call. */
	lookUp(name: string, userId: string): Promise<MemberLookUp>;
	/** Those that a user is a member of, in the order of their making. */
	reachedBy(userId: string, paging: SpacePaging): Promise<Page<ReachedSpace>>;
	/** Every space, in the order of their making. */
	list(): Promise<readonly SpaceRow[]>;
	/** The names of those of these spaces that live. */
	namesOf(ids: readonly SpaceId[]): Promise<ReadonlyMap<SpaceId, string>>;
	/** In the order of the users' ids. */
	members(space: SpaceId, paging: Paging<string>): Promise<Page<Member>>;
	/** Removes at most about `limit` rows of a deleted space; false if nothing is left to do. */
	purge(limit: number): Promise<boolean>;
}

/** `given`: the role that an owner has given; undefined for none. */
export function roleOf(space: SpaceId, given: Role | undefined): Role | undefined {
	return given ?? (space === defaultSpace ? defaultRole : undefined);
}
