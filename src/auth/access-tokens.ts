import { canonical } from "../kernel/canonical.ts";
import type { Clock } from "../kernel/clock.ts";
import { AppError } from "../kernel/errors.ts";
import { isId, type NewId } from "../kernel/ids.ts";
import type { SpaceId } from "../kernel/space.ts";
import type { RunUnit, Unit, UnitOfWork } from "../kernel/unit-of-work.ts";
import type { AccessTokenTexts } from "./access-token-text.ts";
import {
	type AccessToken,
	type AccessTokenRow,
	type AccessTokenStore,
	accessTokens,
	formerActors,
	type Scope,
	type TokenCaller,
	users,
} from "./store.ts";

/** Expired ones count: they are listed until they are removed. */
export const tokensOfUserMax = 100;

const dayMs = 86_400_000;

export interface NewAccessToken {
	readonly userId: string;
	readonly name: string;
	/** In any order; what is given twice is kept once. So are the spaces. */
	readonly scopes: readonly Scope[];
	/** Null: every space of the user, later ones too. */
	readonly spaces: readonly SpaceId[] | null;
	/** Absent: never. */
	readonly expiresInDays?: number | undefined;
}

/** A token with its text, which nothing keeps. */
export interface IssuedAccessToken {
	readonly text: string;
	readonly token: AccessToken;
}

export interface AccessTokenService {
	/**
	 * Undefined if there is no such user. Throws `conflict` if the user has as many as there may be: of several that are
	 * added at once, only so many are.
	 */
	add(token: NewAccessToken): Promise<IssuedAccessToken | undefined>;
	/** In the order in which they were made, one user's or everybody's. */
	list(userId?: string): Promise<readonly AccessToken[]>;
	/** Ends a token at once, on every replica; returns it. Throws `not_found`, also for one of another user. */
	remove(id: string, userId?: string): Promise<AccessToken>;
	/** The token with this text, and its user; undefined if it is forged, removed, expired, or its user is gone. */
	find(text: string): Promise<TokenCaller | undefined>;
}

export interface AccessTokenDeps {
	readonly store: AccessTokenStore;
	readonly run: RunUnit;
	readonly texts: AccessTokenTexts;
	readonly clock: Clock;
	readonly newId: NewId;
}

export function accessTokenService(deps: AccessTokenDeps): AccessTokenService {
	const { store, run, texts, clock, newId } = deps;
	return {
		async add(given) {
			const text = texts.make();
			const hash = texts.hashOf(text);
			if (hash === undefined) throw new Error("a token that was just made is not recognized");
			const row = rowOf(given, { id: newId(), hash, now: clock() });
			return (await run(addToken(row))) ? { text, token: tokenOf(row) } : undefined;
		},
		list: async (userId) => (await store.list(userId)).map(tokenOf),
		async remove(id, userId) {
			const row = isId(id) ? await run(removeToken(id, userId)) : undefined;
			if (row === undefined) throw new AppError("not_found", "There is no such token.");
			return tokenOf(row);
		},
		async find(text) {
			const hash = texts.hashOf(text);
			const found = hash === undefined ? undefined : await store.findByHash(hash);
			if (found === undefined) return undefined;
			const { token, user } = found;
			const isExpired = token.expiresAt !== null && token.expiresAt <= clock();
			return isExpired ? undefined : { kind: "token", user, token: tokenOf(token) };
		},
	};
}

function rowOf(
	{ userId, name, scopes, spaces, expiresInDays }: NewAccessToken,
	{ id, hash, now }: { readonly id: string; readonly hash: string; readonly now: number },
): AccessTokenRow {
	return {
		id,
		userId,
		name,
		hash,
		scopes: canonical([...new Set(scopes)].sort()),
		spaces: spaces && canonical([...new Set(spaces)].sort((one, other) => one - other)),
		createdAt: now,
		expiresAt: expiresInDays === undefined ? null : now + expiresInDays * dayMs,
		lastUsedAt: null,
	};
}

function tokenOf({ hash: _, scopes, spaces, ...token }: AccessTokenRow): AccessToken {
	// `rowOf` alone wrote both.
	return { ...token, scopes: JSON.parse(scopes), spaces: spaces && JSON.parse(spaces) };
}

/** False, and nothing is added, if the user is gone. */
function addToken(row: AccessTokenRow): Unit<boolean> {
	const { userId } = row;
	return {
		reads: [users.reads({ ids: [userId] }), accessTokens.reads({ userIds: [userId] })],
		weight: tokensOfUserMax,
		decide(work) {
			if (work.rows(users).find(userId) === undefined) return false;
			const rows = work.rows(accessTokens);
			if (rows.ofUser(userId).length >= tokensOfUserMax) {
				const message = `A user has at most ${tokensOfUserMax} tokens, expired ones included: remove one.`;
				throw new AppError("conflict", message);
			}
			rows.insert(row);
			return true;
		},
	};
}

function removeToken(id: string, userId: string | undefined): Unit<AccessTokenRow | undefined> {
	return {
		reads: [accessTokens.reads({ ids: [id] }), formerActors.inserts()],
		decide(work) {
			const row = work.rows(accessTokens).find(id);
			if (row === undefined || row.userId !== (userId ?? row.userId)) return undefined;
			endToken(work, row);
			return row;
		},
	};
}

/** Removes a token and keeps its name. The unit must name it, and former actors. */
export function endToken(work: UnitOfWork, row: AccessTokenRow): void {
	work.rows(accessTokens).remove(row);
	work.rows(formerActors).insert({ actor: `token/${row.id}`, name: row.name, userId: row.userId });
}
