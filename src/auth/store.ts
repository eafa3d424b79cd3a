/** A user as both databases keep it. */
export interface User {
	readonly id: string;
	/** Lower case and NFC; users of earlier versions have it in the form that was given. */
	readonly email: string;
	/** Argon2id in PHC form. */
	readonly passwordHash: string;
	/** Tokens of another generation are not valid: a new password raises it. */
	readonly tokenGeneration: number;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
}

export interface UserStore {
	find(id: string): Promise<User | undefined>;
	findByEmail(email: string): Promise<User | undefined>;
	/** Every user, by e-mail address. */
	list(): Promise<readonly User[]>;
	/** False if the e-mail address is taken. */
	add(user: User): Promise<boolean>;
	/** Sets a new hash and ends the user's tokens. False if there is no such user. */
	setPassword(email: string, passwordHash: string): Promise<boolean>;
	/** False if there is no such user. */
	remove(email: string): Promise<boolean>;
}
