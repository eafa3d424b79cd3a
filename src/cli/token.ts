import { textsOf } from "../auth/access-token-parts.ts";
import { type AccessTokenService, accessTokenService } from "../auth/access-tokens.ts";
import type { AccessToken, Scope, SpaceNames } from "../auth/store.ts";
import { scopes } from "../auth/store.ts";
import { type UserService, userService } from "../auth/users.ts";
import { systemClock, timestamp } from "../kernel/clock.ts";
import { isName, nameLengthMax, normalizeEmail } from "../kernel/credentials.ts";
import { newId } from "../kernel/ids.ts";
import type { SpaceId } from "../kernel/space.ts";
import { membership } from "../spaces/members.ts";
import { spaceNames } from "../spaces/parts.ts";
import { withStorage } from "./environment.ts";
import { fail, succeed } from "./outcome.ts";

const daysMax = 365;

export interface AddOptions {
	readonly scope: readonly string[];
	readonly space?: readonly string[];
	readonly days?: string;
}

/** Prints the token, which nothing shows again. Each returns the exit code. */
export async function add(address: string, name: string, given: AddOptions): Promise<number> {
	const { scope, space, days } = given;
	if (!isName(name)) {
		return fail(`A name has 1 to ${nameLengthMax} characters, none of them a control character.`);
	}
	if (!areScopes(scope)) return fail(`A scope is one of ${scopes.join(", ")}.`);
	if (days !== undefined && !isDays(days)) return fail(`--days is a number from 1 to ${daysMax}.`);
	return withParts(async ({ tokens, users, spaces }) => {
		const user = await users.findByAddress(address);
		if (user === undefined) return noUser(address);
		const ids = space === undefined ? null : await spaces.idsOf(user.id, space);
		const unknown = space?.find((_, index) => ids?.[index] === undefined);
		if (unknown !== undefined) return fail(`${user.email} is in no space ${unknown}.`);
		const issued = await tokens.add({
			userId: user.id,
			name,
			scopes: scope,
			spaces: ids?.filter((id) => id !== undefined) ?? null,
			expiresInDays: days === undefined ? undefined : Number(days),
		});
		return issued === undefined ? noUser(address) : succeed(issued.text);
	});
}

/** One token a line: id, user, name, scopes, spaces, when it expires and when it was last used, between tabs. */
export async function list(address?: string): Promise<number> {
	return withParts(async ({ tokens, users, spaces }) => {
		const user = address === undefined ? undefined : await users.findByAddress(address);
		if (address !== undefined && user === undefined) return noUser(address);
		const emails = new Map((user ? [user] : await users.list()).map(({ id, email }) => [id, email]));
		const found = (await tokens.list(user?.id)).filter(({ userId }) => emails.has(userId));
		const names = await spaces.namesOf([...new Set(found.flatMap((token) => token.spaces ?? []))]);
		for (const token of found) console.log(lineOf(token, emails.get(token.userId) ?? "", names));
		return 0;
	});
}

export async function remove(id: string): Promise<number> {
	return withParts(async ({ tokens }) => succeed(`Removed ${(await tokens.remove(id)).name}.`));
}

interface Parts {
	readonly tokens: AccessTokenService;
	readonly users: UserService;
	readonly spaces: SpaceNames;
}

function withParts<T>(job: (parts: Parts) => Promise<T>): Promise<T> {
	return withStorage(async (storage) => {
		const { accessTokens: store, run } = storage;
		const texts = await textsOf(storage);
		const tokens = accessTokenService({ store, run, texts, clock: systemClock, newId });
		return job({
			tokens,
			users: userService(storage.users, run, membership),
			spaces: spaceNames(storage.spaces),
		});
	});
}

function lineOf(token: AccessToken, email: string, names: ReadonlyMap<SpaceId, string>): string {
	const spaces = token.spaces?.flatMap((id) => names.get(id) ?? []).join(",") ?? "all spaces";
	const expires = token.expiresAt === null ? "never expires" : `expires ${timestamp(token.expiresAt)}`;
	const used = token.lastUsedAt === null ? "never used" : `used ${timestamp(token.lastUsedAt)}`;
	return [token.id, email, token.name, token.scopes.join(","), spaces, expires, used].join("\t");
}

function areScopes(given: readonly string[]): given is readonly Scope[] {
	return given.every((scope) => (scopes as readonly string[]).includes(scope));
}

function isDays(text: string): boolean {
	return /^[1-9]\d{0,2}$/.test(text) && Number(text) <= daysMax;
}

function noUser(address: string): number {
	return fail(`There is no user ${normalizeEmail(address)}.`);
}
