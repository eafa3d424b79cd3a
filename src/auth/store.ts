import type { SpaceId } from "../kernel/space.ts";
import { Collection, type RowsById, requireNamed } from "../kernel/unit-of-work.ts";

/** A user as both databases keep it. */
export interface User {
	readonly id: string;
	/** Lower case and NFC; users of earlier versions have it in the form that was given. */
	readonly email: string;
	/** The name that the user has taken. Null for none, which `nameOf` replaces; servers of earlier versions set none. */
	readonly name: string | null;
	/** Argon2id in PHC form. */
	readonly passwordHash: string;
	/** Tokens of another generation are not valid: a new password raises it. */
	readonly tokenGeneration: number;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
}

export interface UserReadSet {
	readonly ids?: readonly string[];
	/** As they are kept: a unit names every form that an address may be kept in. */
	readonly emails?: readonly string[];
}

export interface UserRows extends RowsById<User> {
	findByEmail(email: string): User | undefined;
}

/** Without a revision: changes of users append no event. */
export const users = new Collection<UserReadSet, UserRows>({
	name: "users",
	nothing: {},
	narrow: (rows, readSet) => new NamedUserRows(rows, readSet),
});

class NamedUserRows implements UserRows {
	constructor(
		private readonly rows: UserRows,
		private readonly readSet: UserReadSet,
	) {}

	find(id: string): User | undefined {
		requireNamed(this.readSet.ids?.includes(id) ?? false, "a user's id");
		return this.rows.find(id);
	}

	findByEmail(email: string): User | undefined {
		requireNamed(this.readSet.emails?.includes(email) ?? false, "a user's e-mail address");
		return this.rows.findByEmail(email);
	}

	insert(row: User): void {
		this.rows.insert(row);
	}

	update(row: User): void {
		this.#requireRead(row);
		this.rows.update(row);
	}

	remove(row: User): void {
		this.#requireRead(row);
		this.rows.remove(row);
	}

	#requireRead({ id, email }: User): void {
		const { ids = [], emails = [] } = this.readSet;
		requireNamed(ids.includes(id) || emails.includes(email), "a user");
	}
}

/** Users in a database. Throws `unavailable`. */
export interface UserStore {
	find(id: string): Promise<User | undefined>;
	/** By the address as it is kept. */
	findByEmail(email: string): Promise<User | undefined>;
	/** Every user, by e-mail address. */
	list(): Promise<readonly User[]>;
}

/** What an access token allows, within the rights of its user: `tasks:write` has `tasks:read`. Sorted. */
export const scopes = ["jobs", "metrics", "tasks:read", "tasks:write"] as const;
export type Scope = (typeof scopes)[number];

/** An access token as both databases keep it. */
export interface AccessTokenRow {
	readonly id: string;
	readonly userId: string;
	readonly name: string;
	/** SHA-256 of the text, in hex. */
	readonly hash: string;
	/** A list of `Scope`, as canonical JSON. */
	readonly scopes: string;
	/** A list of `SpaceId`, as canonical JSON; null for every space of the user, later ones too. */
	readonly spaces: string | null;
	/** These three in milliseconds since the epoch. */
	readonly createdAt: number;
	/** Null: never. */
	readonly expiresAt: number | null;
	/** Null: not yet. At most an hour late. */
	readonly lastUsedAt: number | null;
}

/** An access token as services know it. */
export interface AccessToken extends Omit<AccessTokenRow, "hash" | "scopes" | "spaces"> {
	/** Sorted, each once. */
	readonly scopes: readonly Scope[];
	/** Null: every space of the user, later ones too. */
	readonly spaces: readonly SpaceId[] | null;
}

export interface AccessTokenReadSet {
	readonly ids?: readonly string[];
	/** The tokens of these users. */
	readonly userIds?: readonly string[];
}

export interface AccessTokenRows extends RowsById<AccessTokenRow> {
	ofUser(userId: string): readonly AccessTokenRow[];
}

/** Without a revision: changes of tokens append no event. */
export const accessTokens = new Collection<AccessTokenReadSet, AccessTokenRows>({
	name: "access_tokens",
	nothing: {},
	narrow: (rows, readSet) => new NamedAccessTokenRows(rows, readSet),
});

class NamedAccessTokenRows implements AccessTokenRows {
	constructor(
		private readonly rows: AccessTokenRows,
		private readonly readSet: AccessTokenReadSet,
	) {}

	find(id: string): AccessTokenRow | undefined {
		requireNamed(this.readSet.ids?.includes(id) ?? false, "a token's id");
		return this.rows.find(id);
	}

	ofUser(userId: string): readonly AccessTokenRow[] {
		requireNamed(this.readSet.userIds?.includes(userId) ?? false, "a user's tokens");
		return this.rows.ofUser(userId);
	}

	insert(row: AccessTokenRow): void {
		this.rows.insert(row);
	}

	update(row: AccessTokenRow): void {
		this.#requireRead(row);
		this.rows.update(row);
	}

	remove(row: AccessTokenRow): void {
		this.#requireRead(row);
		this.rows.remove(row);
	}

	#requireRead({ id, userId }: AccessTokenRow): void {
		const { ids = [], userIds = [] } = this.readSet;
		requireNamed(ids.includes(id) || userIds.includes(userId), "a token");
	}
}

/** A token with its user. */
export interface OwnedAccessToken {
	readonly token: AccessTokenRow;
	readonly user: User;
}

/** Access tokens in a database. Throws `unavailable`. */
export interface AccessTokenStore {
	find(id: string): Promise<AccessTokenRow | undefined>;
	/** Undefined too for a token whose user is gone. Never older than the call. */
	findByHash(hash: string): Promise<OwnedAccessToken | undefined>;
	/** In the order in which they were made, one user's or everybody's. */
	list(userId?: string): Promise<readonly AccessTokenRow[]>;
}

/** Somebody who was removed, and whom events still name. */
export interface FormerActor {
	/** `user/<id>` or `token/<id>` */
	readonly actor: string;
	readonly name: string;
	/** Whose token it was; null for a user. */
	readonly userId: string | null;
}

export interface FormerActorRows {
	insert(row: FormerActor): void;
}

/** Units only add to them. */
export const formerActors = new Collection<Record<never, never>, FormerActorRows>({
	name: "former_actors",
	nothing: {},
	narrow: (rows) => rows,
});

/** Names of what was removed, in a database. Throws `unavailable`. */
export interface FormerActorStore {
	find(actor: string): Promise<FormerActor | undefined>;
}

/** Whom a JWT was issued to. It is valid while the user's generation is the same. */
export interface Identity {
	readonly userId: string;
	readonly tokenGeneration: number;
}

/** Whom a valid credential stands for, as it is now: what rights are made from. */
export type Caller = UserCaller | TokenCaller | KeyCaller;

/** A JWT. */
export interface UserCaller {
	readonly kind: "user";
	readonly user: User;
}

/** An access token. */
export interface TokenCaller {
	readonly kind: "token";
	/** Whose token it is. */
	readonly user: User;
	readonly token: AccessToken;
}

/** One of the API keys of the environment. */
export interface KeyCaller {
	readonly kind: "key";
	readonly fingerprint: string;
}

/** Spaces as tokens name them. Throws `unavailable`. */
export interface SpaceNames {
	/** The ids of the spaces with these names, in their order; undefined for one that the user does not reach. */
	idsOf(userId: string, names: readonly string[]): Promise<readonly (SpaceId | undefined)[]>;
	/** The names of those of the spaces that are still there. */
	namesOf(ids: readonly SpaceId[]): Promise<ReadonlyMap<SpaceId, string>>;
}
