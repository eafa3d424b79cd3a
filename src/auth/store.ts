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
