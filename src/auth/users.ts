import { emailForms, nameOf, normalizeEmail } from "../kernel/credentials.ts";
import type { RunUnit, Unit, UnitPart } from "../kernel/unit-of-work.ts";
import { endToken, tokensOfUserMax } from "./access-tokens.ts";
import { accessTokens, formerActors, type User, type UserRows, type UserStore, users } from "./store.ts";

export interface NewUser {
	readonly id: string;
	/** As it was given. */
	readonly email: string;
	/** Absent: the default. */
	readonly name?: string | undefined;
	readonly passwordHash: string;
	/** By the clock of the server or command that adds it. */
	readonly now: number;
}

/**
 * The use cases of users. Each is one transaction; none appends an event. An address names a user in whichever form it is
 * kept. Throws `unavailable`.
 */
export interface UserService extends UserStore {
	/** The work is the same whether or not there is such a user. */
	findByAddress(address: string): Promise<User | undefined>;
	/** False if the address is taken: of several users that are added at once, one is. */
	add(user: NewUser): Promise<boolean>;
	/** Sets a new hash and ends the user's tokens. False if there is no such user. */
	setPassword(address: string, passwordHash: string): Promise<boolean>;
	/** The user under the new name; undefined if there is no such user. */
	rename(id: string, name: string): Promise<User | undefined>;
	/**
	 * Removes the user's access tokens and memberships too, and keeps the names of all. False if there is no such user.
	 * Throws `conflict` for the only owner of a space.
	 */
	remove(address: string): Promise<boolean>;
}

/** What else belongs to adding and removing a user. */
export interface Membership {
	/** A part of the unit that adds the user. */
	join(userId: string): UnitPart;
	/** A part of the unit that removes the user; comes first, and may throw. */
	leave(userId: string): UnitPart;
}

export function userService(store: UserStore, run: RunUnit, membership: Membership): UserService {
	const findByAddress = async (address: string) => {
		const found = await Promise.all(emailForms(address).map((email) => store.findByEmail(email)));
		return found.find((user) => user !== undefined);
	};
	return {
		...store,
		findByAddress,
		add: (user) => run(addUser(user, membership.join(user.id))),
		setPassword: (address, passwordHash) => run(setPassword(address, passwordHash)),
		rename: (id, name) => run(renameUser(id, name)),
		async remove(address) {
			const user = await findByAddress(address);
			return user !== undefined && run(removeUser(user.id, membership.leave(user.id)));
		},
	};
}

function addUser({ id, email, name, passwordHash, now }: NewUser, join: UnitPart): Unit<boolean> {
	return {
		reads: [users.reads({ emails: emailForms(email) }), ...join.reads],
		decide(work) {
			const rows = work.rows(users);
			if (findIn(rows, email) !== undefined) return false;
			join.decide(work);
			rows.insert({
				id,
				email: normalizeEmail(email),
				name: name ?? null,
				passwordHash,
				tokenGeneration: 1,
				createdAt: now,
			});
			return true;
		},
	};
}

function setPassword(address: string, passwordHash: string): Unit<boolean> {
	return {
		reads: [users.reads({ emails: emailForms(address) })],
		decide(work) {
			const rows = work.rows(users);
			const user = findIn(rows, address);
			if (user === undefined) return false;
			rows.update({ ...user, passwordHash, tokenGeneration: user.tokenGeneration + 1 });
			return true;
		},
	};
}

function renameUser(id: string, name: string): Unit<User | undefined> {
	return {
		reads: [users.reads({ ids: [id] })],
		decide(work) {
			const rows = work.rows(users);
			const user = rows.find(id);
			if (user === undefined || user.name === name) return user;
			const renamed = { ...user, name };
			rows.update(renamed);
			return renamed;
		},
	};
}

function removeUser(id: string, leave: UnitPart): Unit<boolean> {
	return {
		reads: [
			users.reads({ ids: [id] }),
			accessTokens.reads({ userIds: [id] }),
			formerActors.inserts(),
			...leave.reads,
		],
		weight: tokensOfUserMax + 1,
		decide(work) {
			const rows = work.rows(users);
			const user = rows.find(id);
			if (user === undefined) return false;
			leave.decide(work);
			for (const token of work.rows(accessTokens).ofUser(id)) endToken(work, token);
			rows.remove(user);
			work.rows(formerActors).insert({ actor: `user/${user.id}`, name: nameOf(user), userId: null });
			return true;
		},
	};
}

function findIn(rows: UserRows, address: string): User | undefined {
	for (const email of emailForms(address)) {
		const user = rows.findByEmail(email);
		if (user !== undefined) return user;
	}
	return undefined;
}
