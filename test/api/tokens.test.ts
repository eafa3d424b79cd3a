import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { recordedLog } from "../support/log.ts";
import { startServer, testApiKey } from "../support/server.ts";
import { addToken, bearer, expectRefused, type IssuedToken, idOf, inKey, me } from "../support/tokens.ts";
import { addUser, logIn, testEmail, usersOf } from "../support/users.ts";

const privately = "Origin, Authorization, X-API-Key";
const dayMs = 86_400_000;

for (const { name, newUrl } of everyDatabase) {
	describe(`access tokens on ${name}`, async () => {
		let now = Date.UTC(2026, 10, 23, 8, 15);
		const recorded = recordedLog();
		const server = await startServer(
			{ DATABASE_URL: await newUrl(), JWT_EXPIRE_MINUTES: "525600", MAX_BODY_BYTES: "20000" },
			{ clock: () => now, log: recorded.log },
		);
		const jwt = { authorization: server.bearer };
		const post = (body: unknown, headers: Readonly<Record<string, string>> = jwt) =>
			ask(server, "POST /auth/tokens", { headers, body });
		const list = async (authorization = server.bearer) =>
			((await ask(server, "GET /auth/tokens", { headers: { authorization } })).json as { items: object[] })
				.items;
		/** What a request that is refused leaves as it was; a last use may be written meanwhile. */
		const idsListed = async () => ((await list()) as { id: string }[]).map(({ id }) => id);
		const remove = (id: string, authorization = server.bearer) =>
			ask(server, `DELETE /auth/tokens/${id}`, { headers: { authorization } });

		test("a token is shown once, and works in either header", async () => {
			const issued = await post({
				name: "Night shift",
				scopes: ["tasks:write", "jobs", "tasks:write"],
				spaces: ["default", "default"],
				expires_in_days: 2,
			});
			const { id, token } = issued.json as IssuedToken;
			expect(token).toMatch(/^orc_[0-9A-Za-z]{43}$/);
			const shown = `"expires_at":"2026-11-25T08:15:00.000Z","id":"${id}","last_used_at":null,"name":"Night shift","scopes":["jobs","tasks:write"],"spaces":["default"]`;
			expect([issued.status, issued.text]).toEqual([
				200,
				`{"created_at":"2026-11-23T08:15:00.000Z",${shown},"token":"${token}"}`,
			]);
			expect(issued.headers.get("cache-control")).toBe("no-store");
			expect(issued.headers.has("etag")).toBe(false);
			const listed = await ask(server, "GET /auth/tokens", { headers: jwt });
			expect([listed.status, listed.text]).toEqual([
				200,
				`{"items":[{"created_at":"2026-11-23T08:15:00.000Z",${shown}}],"kind":"tokens"}`,
			]);
			expect([listed.headers.get("cache-control"), listed.headers.get("vary")]).toEqual([
				"private, no-cache",
				privately,
			]);
			const user = await idOf(server);
			for (const headers of [
				{ authorization: `Bearer ${token}` },
				{ authorization: `bEARER  ${token}` },
				{ "x-api-key": token },
				// The scheme is a proxy's affair.
				{ "x-api-key": token, authorization: "Basic eDp5" },
				{ authorization: `Bearer ${token}`, "x-api-key": "orc_wrong" },
				{ authorization: `Bearer ${token}`, "x-api-key": testApiKey },
			]) {
				const answer = await me(server, headers);
				expect([answer.status, answer.text]).toEqual([
					200,
					`{"email":"${testEmail}","id":"${user}","name":"ada","token":{"id":"${id}","name":"Night shift","scopes":["jobs","tasks:write"],"spaces":["default"]}}`,
				]);
				expect([answer.headers.get("cache-control"), answer.headers.get("vary")]).toEqual([
					"private, no-cache",
					privately,
				]);
			}
			expect((await me(server, jwt)).text).toBe(`{"email":"${testEmail}","id":"${user}","name":"ada"}`);
			expect((await me(server, { ...jwt, "x-api-key": token })).text).not.toContain("token");
			expect(recorded.text()).toContain(`"principal":"token:${id}"`);
			expect(recorded.text()).not.toContain(token.slice(4));
			expect((await server.storage.events.range()).rev).toBe(0);
		});

		test("without spaces and days it reaches all of its user's spaces, and never expires", async () => {
			const { status, json } = await post({ name: "n", scopes: ["tasks:read"] });
			expect([status, json]).toMatchObject([200, { expires_at: null, spaces: null }]);
			now += 300 * dayMs;
			expect((await me(server, bearer(json as IssuedToken))).json).toMatchObject({ token: { spaces: null } });
		});

		test("a body that does not fit is 422 with every fault, and makes no token", async () => {
			const before = await idsListed();
			const fits = { name: "n", scopes: ["jobs"] };
			for (const [body, paths] of [
				[{}, ["/name", "/scopes"]],
				[{ ...fits, name: "" }, ["/name"]],
				[{ ...fits, name: "😀".repeat(101) }, ["/name"]],
				...["\t", "\n", "\u0001", "\u001f", "\u007f", "\u009f", "\0", "\ud800"].map(
					(character) => [{ ...fits, name: `s3cret${character}` }, ["/name"]] as const,
				),
				[{ ...fits, name: null }, ["/name"]],
				[{ ...fits, scopes: [] }, ["/scopes"]],
				[{ ...fits, scopes: "jobs" }, ["/scopes"]],
				[{ ...fits, scopes: ["jobs", "s3cret", "admin"] }, ["/scopes/1", "/scopes/2"]],
				[{ ...fits, scopes: Array.from({ length: 101 }, () => "jobs") }, ["/scopes"]],
				[{ ...fits, spaces: [] }, ["/spaces"]],
				[{ ...fits, spaces: null }, ["/spaces"]],
				[{ ...fits, spaces: ["default", "s3cret", "default", "other"] }, ["/spaces/1", "/spaces/3"]],
				[{ ...fits, spaces: ["Default", "", "x".repeat(41)] }, ["/spaces/0", "/spaces/1", "/spaces/2"]],
				...[0, 366, -1, 1.5, "7", null].map(
					(days) => [{ ...fits, expires_in_days: days }, ["/expires_in_days"]] as const,
				),
				[{ ...fits, token: "s3cret", id: newId() }, ["/id", "/token"]],
				[
					{ name: 1, scopes: ["s3cret"], spaces: [1], expires_in_days: 0, more: 1 },
					["/expires_in_days", "/more", "/name", "/scopes/0", "/spaces/0"],
				],
			] as const) {
				const answer = await post(body);
				const found = errorOf(answer).details?.map(({ path }) => path);
				expect([body, answer.status, found?.toSorted()]).toEqual([body, 422, [...paths]] as never);
				expect(answer.text).not.toContain("s3cret");
			}
			for (const [options, status, type] of [
				[{ body: "{" }, 400, "bad_request"],
				[{ body: { ...fits, name: "x".repeat(30_000) } }, 413, "payload_too_large"],
				[{ body: "name=x", contentType: "text/plain" }, 415, "unsupported_media_type"],
			] as const) {
				const answer = await ask(server, "POST /auth/tokens", { headers: jwt, ...options });
				expect([answer.status, errorOf(answer).type]).toEqual([status, type]);
			}
			expect(await idsListed()).toEqual(before);
		});

		test("its user's own alone are listed and removed, each at once, and an expired one stays listed", async () => {
			const other = await addUser(server.storage, server.url, "other@example.com");
			expect(await list(other)).toEqual([]);
			const [first, second] = [
				await addToken(server, { expires_in_days: 1 }, other),
				await addToken(server, {}, other),
			];
			const refused = [await remove(first.id), await remove(newId(), other), await remove("no-id", other)];
			for (const answer of refused) expect([answer.status, errorOf(answer).type]).toEqual([404, "not_found"]);
			expect((await me(server, bearer(first))).status).toBe(200);
			now += dayMs - 1;
			expect((await me(server, bearer(first))).status).toBe(200);
			now += 1;
			expectRefused(await me(server, bearer(first)), 401);
			expectRefused(await me(server, inKey(first)), 403);
			expect(await list(other)).toMatchObject([{ id: first.id }, { id: second.id }]);
			expect((await me(server, bearer(second))).status).toBe(200);
			const removed = await remove(second.id, other);
			expect([removed.status, removed.text, removed.headers.get("content-type")]).toEqual([204, "", null]);
			expectRefused(await me(server, bearer(second)), 401);
			expectRefused(await me(server, inKey(second)), 403);
			expect((await remove(second.id, other)).status).toBe(404);
			expect(await list(other)).toMatchObject([{ id: first.id }]);
		});

		test("tokens and names of users are changed with a JWT alone", async () => {
			const token = await addToken(server, { scopes: ["jobs", "metrics", "tasks:write"] });
			const before = await idsListed();
			const id = newId();
			for (const [line, body] of [
				["POST /auth/tokens", { name: "n", scopes: ["jobs"] }],
				["POST /auth/tokens", { name: "" }],
				["GET /auth/tokens", undefined],
				[`DELETE /auth/tokens/${token.id}`, undefined],
				[`DELETE /auth/tokens/${id}`, undefined],
				["PATCH /auth/me", { name: "n" }],
				["PATCH /auth/me", { name: 1 }],
			] as const) {
				for (const [status, headers] of [
					[403, bearer(token)],
					[403, inKey(token)],
					[403, { "x-api-key": `${token.token}x` }],
					[401, { authorization: `Bearer ${token.token}x` }],
					[401, { authorization: `Bearer ${token.token}x`, ...inKey(token) }],
					[401, { "x-api-key": testApiKey }],
					[401, {}],
				] as const) {
					expectRefused(await ask(server, line, { headers, ...(body && { body }) }), status);
				}
			}
			expect(await idsListed()).toEqual(before);
		});

		test("a token ends with its user, and not with a new password", async () => {
			const email = "leaving@example.com";
			const authorization = await addUser(server.storage, server.url, email);
			const token = await addToken(server, {}, authorization);
			const hash = await Bun.password.hash("another password", { algorithm: "argon2id", memoryCost: 1024 });
			await usersOf(server.storage).setPassword(email, hash);
			expectRefused(await me(server, { authorization }), 401);
			expect((await me(server, bearer(token))).status).toBe(200);
			const again = await logIn(server.url, email, "another password");
			expect(await list(again)).toMatchObject([{ id: token.id }]);
			await usersOf(server.storage).remove(email);
			expectRefused(await me(server, bearer(token)), 401);
			expectRefused(await me(server, inKey(token)), 403);
			await addUser(server.storage, server.url, email);
			expectRefused(await me(server, bearer(token)), 401);
		});

		test("of two that race for the hundredth place one is 409, and expired ones count", async () => {
			const authorization = await addUser(server.storage, server.url, "many@example.com");
			const body = { name: "n", scopes: ["jobs"], expires_in_days: 1 };
			await Promise.all(Array.from({ length: 99 }, () => addToken(server, body, authorization)));
			now += 2 * dayMs;
			const raced = await Promise.all([post(body, { authorization }), post(body, { authorization })]);
			expect(raced.map(({ status }) => status).sort()).toEqual([200, 409]);
			const refused = raced.find(({ status }) => status === 409) as Answer;
			expect(errorOf(refused).type).toBe("conflict");
			const all = (await list(authorization)) as { id: string }[];
			expect(all).toHaveLength(100);
			expect((await remove(all[0]?.id ?? "", authorization)).status).toBe(204);
			expect((await post(body, { authorization })).status).toBe(200);
		});

		test("the last use is shown soon after it, and once an hour", async () => {
			const token = await addToken(server);
			const lastUse = async () =>
				((await list()) as { id: string; last_used_at: string | null }[]).find(({ id }) => id === token.id)
					?.last_used_at;
			expect(await lastUse()).toBeNull();
			const usedAt = new Date(now).toISOString();
			await me(server, bearer(token));
			now += 1000;
			while ((await lastUse()) === null) await Bun.sleep(50);
			expect(await lastUse()).toBe(usedAt);
			now += 3_600_000;
			const nextUse = new Date(now).toISOString();
			await me(server, inKey(token));
			while ((await lastUse()) === usedAt) await Bun.sleep(50);
			expect(await lastUse()).toBe(nextUse);
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	describe(`access tokens on ${name}, which two servers share`, () => {
		test("what one issues the other knows, and what one ends has ended on the other with the response", async () => {
			const env = { DATABASE_URL: await newUrl() };
			const [one, other] = [await startServer(env), await startServer(env)];
			for (let round = 0; round < 20; round++) {
				const token = await addToken(one);
				for (const server of [other, one, other]) expect((await me(server, bearer(token))).status).toBe(200);
				const headers = { authorization: one.bearer };
				expect((await ask(one, `DELETE /auth/tokens/${token.id}`, { headers })).status).toBe(204);
				expectRefused(await me(other, bearer(token)), 401);
				expectRefused(await me(other, inKey(token)), 403);
			}
			const authorization = await addUser(one.storage, one.url, "gone@example.com");
			const token = await addToken(other, {}, authorization);
			expect((await me(other, bearer(token))).status).toBe(200);
			await usersOf(one.storage).remove("gone@example.com");
			expectRefused(await me(other, bearer(token)), 401);
		});

		test("a token is good after a restart, and its last use was written before the server ended", async () => {
			const env = { DATABASE_URL: await newUrl() };
			const first = await startServer(env);
			const token = await addToken(first);
			expect((await me(first, bearer(token))).status).toBe(200);
			await first.stop();
			const second = await startServer(env);
			expect(await second.storage.accessTokens.find(token.id)).toMatchObject({
				lastUsedAt: expect.any(Number),
			});
			expect((await me(second, bearer(token))).status).toBe(200);
		});

		test("a user who is removed after the guard has looked gets 401, and no token", async () => {
			const server = await startServer({ DATABASE_URL: await newUrl() });
			const { storage } = server;
			const authorization = await addUser(storage, server.url, "grace@example.com");
			const found = await storage.users.findByEmail("grace@example.com");
			const behind = await startServer(
				{},
				{ storage: { ...storage, users: { ...storage.users, find: async () => found } } },
			);
			await usersOf(storage).remove("grace@example.com");
			const answer = await ask(behind, "POST /auth/tokens", {
				headers: { authorization },
				body: { name: "n", scopes: ["jobs"] },
			});
			expectRefused(answer, 401);
			expect(await storage.accessTokens.list()).toEqual([]);
		});
	});
}
