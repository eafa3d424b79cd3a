import { expect } from "bun:test";
import { accessTokenTexts } from "../../src/auth/access-token-text.ts";
import { type AccessTokenService, accessTokenService } from "../../src/auth/access-tokens.ts";
import { type Clock, systemClock } from "../../src/kernel/clock.ts";
import { newId } from "../../src/kernel/ids.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type Answer, ask, errorOf } from "./ask.ts";
import type { TestServer } from "./server.ts";

export interface IssuedToken {
	readonly id: string;
	/** The token itself. */
	readonly token: string;
}

/** A server with the `Authorization` of its user. */
type Issuer = Pick<TestServer, "url" | "bearer"> | { readonly url: string; readonly authorization: string };

/** Makes an access token of the server's user, or of the one whose `Authorization` is given. */
export async function addToken(
	issuer: Issuer,
	body: object = {},
	authorization = "bearer" in issuer ? issuer.bearer : issuer.authorization,
): Promise<IssuedToken> {
	const response = await fetch(`${issuer.url}/auth/tokens`, {
		method: "POST",
		headers: { "content-type": "application/json", authorization },
		body: JSON.stringify({ name: "agent", scopes: ["tasks:write"], ...body }),
	});
	if (response.status !== 200) throw new Error(`no token: ${response.status} ${await response.text()}`);
	return (await response.json()) as IssuedToken;
}

/** The headers of a request that bears a token. */
export const bearer = ({ token }: IssuedToken) => ({ authorization: `Bearer ${token}` });
export const inKey = ({ token }: IssuedToken) => ({ "x-api-key": token });
export const me = (server: TestServer, headers: Readonly<Record<string, string>>) =>
	ask(server, "GET /auth/me", { headers });

/** The id of the user of an `Authorization`. */
export async function idOf(server: TestServer, authorization = server.bearer): Promise<string> {
	return ((await me(server, { authorization })).json as { id: string }).id;
}

/** Expects what a missing or wrong credential gets. */
export function expectRefused(answer: Answer, status: 401 | 403): void {
	const type = status === 401 ? "unauthorized" : "forbidden";
	expect([answer.status, errorOf(answer).type]).toEqual([status, type]);
	expect(answer.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null);
	expect(answer.headers.get("cache-control")).toBe("no-store");
}

/** The use cases of a storage's access tokens. */
export function accessTokensOf(
	{ accessTokens, run }: Pick<Storage, "accessTokens" | "run">,
	clock: Clock = systemClock,
): AccessTokenService {
	const texts = accessTokenTexts("a secret of the tests");
	return accessTokenService({ store: accessTokens, run, texts, clock, newId });
}
