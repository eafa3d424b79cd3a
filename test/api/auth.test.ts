import { describe, expect, test } from "bun:test";
import { passwords } from "../../src/auth/passwords.ts";
import { newId } from "../../src/kernel/ids.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { addUser, keepUser, logIn, testEmail, testPassword, usersOf } from "../support/users.ts";

const secret = "a secret of more than thirty-two bytes";

function base64url(value: unknown): string {
	return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** A hand-made JWT, signed with the server's secret unless another one is given. */
function token(
	header: object,
	claims: object,
	algorithm: "sha256" | "sha512" = "sha256",
	key = secret,
): string {
	const content = `${base64url(header)}.${base64url(claims)}`;
	return `${content}.${new Bun.CryptoHasher(algorithm, key).update(content).digest("base64url")}`;
}

function claimsOf(bearer: string): Record<string, unknown> {
	return JSON.parse(Buffer.from(bearer.split(".")[1] ?? "", "base64url").toString());
}

for (const { name, newUrl } of everyDatabase) {
	describe(name, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl(), JWT_SECRET: secret });
		const login = (email: unknown, password: unknown) =>
			ask(server, "POST /auth/login", { body: { email, password } });
		const me = (authorization?: string) =>
			ask(server, "GET /auth/me", { headers: authorization === undefined ? {} : { authorization } });

		test("address and password are compared in NFC, whichever form is given", async () => {
			const [nfc, nfd] = ["NFC", "NFD"].map((form) => "zoé-pässwörd".normalize(form)) as [string, string];
			const hash = await passwords().hash(nfd);
			await usersOf(server.storage).add({
				id: newId(),
				email: `${nfd}@example.com`,
				passwordHash: hash,
				now: Date.now(),
			});
			expect((await server.storage.users.findByEmail(`${nfc}@example.com`))?.passwordHash).toBe(hash);
			for (const email of [nfc, nfd, nfc.toUpperCase()]) {
				for (const password of [nfc, nfd]) {
					expect((await login(`${email}@example.com`, password)).status).toBe(200);
				}
				expect((await login(`${email}@example.com`, `${nfd}x`)).status).toBe(401);
			}
		});

		test("an address that is kept, and a password that was hashed, as they were given still log in", async () => {
			const nfd = "rené-pässwörd".normalize("NFD");
			const hash = await Bun.password.hash(nfd, { algorithm: "argon2id", memoryCost: 1024, timeCost: 1 });
			await keepUser(server.storage, {
				id: newId(),
				email: `${nfd}@example.com`,
				name: null,
				passwordHash: hash,
				tokenGeneration: 1,
				createdAt: Date.now(),
			});
			expect((await login(`${nfd}@example.com`, nfd)).status).toBe(200);
			expect((await login(`${nfd.normalize("NFC")}@example.com`, nfd)).status).toBe(200);
			expect((await login(`${nfd}@example.com`, `${nfd}x`)).status).toBe(401);
		});

		test("lengths count code points", async () => {
			const status = async (email: string, password: string) => (await login(email, password)).status;
			expect(await status(`${"😀".repeat(64)}@example.com`, "😀".repeat(1024))).toBe(401);
			expect(await status(`${"😀".repeat(254)}@`, "x")).toBe(422);
			expect(await status("a@example.com", "😀".repeat(1025))).toBe(422);
		});

		function expectRefused(answer: Answer, why: string) {
			expect([why, answer.status, answer.headers.get("www-authenticate")]).toEqual([why, 401, "Bearer"]);
			expect(errorOf(answer).type).toBe("unauthorized");
		}

		test("a login returns a token with the claims that the contract names", async () => {
			const answer = await login(testEmail, testPassword);
			expect(answer.status).toBe(200);
			expect(answer.headers.get("cache-control")).toBe("no-store");
			const { access_token, expires_in, token_type } = answer.json as Record<string, string>;
			expect([expires_in, token_type] as unknown[]).toEqual([3600, "bearer"]);
			const claims = claimsOf(access_token ?? "");
			expect(claims.iss).toBe("orchestrator");
			expect(claims.jti).toBeString();
			expect(Number(claims.exp) - Number(claims.iat)).toBe(3600);
			const [header] = (access_token ?? "").split(".");
			expect(JSON.parse(Buffer.from(header ?? "", "base64url").toString())).toMatchObject({ alg: "HS256" });
			const who = await me(`Bearer ${access_token}`);
			expect(who.text).toBe(`{"email":"${testEmail}","id":"${claims.sub}","name":"ada"}`);
			expect(claimsOf(await logIn(server.url)).jti).not.toBe(claims.jti);
		});

		test("an unknown address and a wrong password get the same response", async () => {
			const id = { "x-request-id": "same" };
			const answers = await Promise.all(
				[
					{ email: testEmail, password: "wrong" },
					{ email: "nobody@example.com", password: testPassword },
					{ email: `${testEmail}.example`, password: "wrong" },
					{ email: "@@@", password: "wrong" },
				].map((body) => ask(server, "POST /auth/login", { headers: id, body })),
			);
			for (const answer of answers) {
				expect([answer.status, errorOf(answer).type]).toEqual([401, "invalid_credentials"]);
				expect(answer.headers.get("www-authenticate")).toBeNull();
				expect(answer.text).toBe(answers[0]?.text ?? "");
			}
		});

		test("e-mail addresses are case-insensitive, passwords are not", async () => {
			for (const email of ["ADA@EXAMPLE.COM", "Ada@Example.Com", testEmail]) {
				expect([email, (await login(email, testPassword)).status]).toEqual([email, 200]);
			}
			for (const password of [testPassword.toUpperCase(), `${testPassword} `, ` ${testPassword}`]) {
				expect((await login(testEmail, password)).status).toBe(401);
			}
		});

		test("a login of the wrong shape is 422, and the response does not repeat the password", async () => {
			for (const [email, password, path] of [
				["no address", "s3cret-Value", "/email"],
				["", "s3cret-Value", "/email"],
				[`${"x".repeat(250)}@example.com`, "s3cret-Value", "/email"],
				[testEmail, "", "/password"],
				[testEmail, "s3cret-Value".repeat(100), "/password"],
				[testEmail, null, "/password"],
				[testEmail, ["s3cret-Value"], "/password"],
			] as const) {
				const answer = await login(email, password);
				expect([answer.status, errorOf(answer).details?.map((fault) => fault.path)]).toEqual([422, [path]]);
				expect(answer.text).not.toContain("s3cret");
			}
		});

		test("an invalid token is 401 with the scheme in WWW-Authenticate", async () => {
			const claims = claimsOf(server.bearer);
			const good = server.bearer.slice("Bearer ".length);
			const hs256 = { alg: "HS256", typ: "JWT" };
			expect((await me(`Bearer ${token(hs256, claims)}`)).status).toBe(200);
			const now = Math.floor(Date.now() / 1000);
			const without = (claim: string) => {
				const { [claim]: _, ...rest } = claims;
				return token(hs256, rest);
			};
			const parts = good.split(".");
			const bad: Record<string, string | undefined> = {
				none: undefined,
				empty: "",
				"no token": "Bearer",
				"other scheme": `Basic ${good}`,
				"no scheme": good,
				"two tokens": `Bearer ${good}, Bearer ${good}`,
				"a tab before the token": `Bearer \t${good}`,
				"not a JWT": "Bearer x",
				"alg none": `Bearer ${token({ alg: "none" }, claims).replace(/[^.]+$/, "")}`,
				"alg none with a signature": `Bearer ${token({ alg: "none" }, claims)}`,
				"no alg": `Bearer ${token({ typ: "JWT" }, claims)}`,
				HS512: `Bearer ${token({ alg: "HS512" }, claims, "sha512")}`,
				"HS512 in name": `Bearer ${token({ alg: "HS512" }, claims)}`,
				"RS256 in name": `Bearer ${token({ alg: "RS256" }, claims)}`,
				"other secret": `Bearer ${token(hs256, claims, "sha256", `${secret}!`)}`,
				"no secret": `Bearer ${token(hs256, claims, "sha256", "")}`,
				"other issuer": `Bearer ${token(hs256, { ...claims, iss: "elsewhere" })}`,
				expired: `Bearer ${token(hs256, { ...claims, exp: now - 1 })}`,
				"expires now": `Bearer ${token(hs256, { ...claims, exp: now })}`,
				"expiry as text": `Bearer ${token(hs256, { ...claims, exp: String(now + 1000) })}`,
				"not yet": `Bearer ${token(hs256, { ...claims, nbf: now + 1000 })}`,
				"unknown user": `Bearer ${token(hs256, { ...claims, sub: newId() })}`,
				"user that is no id": `Bearer ${token(hs256, { ...claims, sub: "'; DROP TABLE users; --" })}`,
				"user that is no text": `Bearer ${token(hs256, { ...claims, sub: 1 })}`,
				"other generation": `Bearer ${token(hs256, { ...claims, gen: 2 })}`,
				"claims that are no object": `Bearer ${token(hs256, [claims])}`,
				"critical extension": `Bearer ${token({ ...hs256, crit: ["x"], x: 1 }, claims)}`,
				"very long": `Bearer ${good}${"x".repeat(5000)}`,
				"no signature": `Bearer ${parts[0]}.${parts[1]}.`,
				"other order": `Bearer ${parts[1]}.${parts[0]}.${parts[2]}`,
			};
			for (const claim of ["sub", "iat", "exp", "iss", "jti", "gen"]) {
				bad[`no ${claim}`] = `Bearer ${without(claim)}`;
			}
			for (const [why, authorization] of Object.entries(bad)) expectRefused(await me(authorization), why);
		});

		test("a token with one changed byte is 401, wherever the byte is", async () => {
			const good = server.bearer.slice("Bearer ".length);
			const places = Array.from({ length: 40 }, (_, index) => Math.floor((index * good.length) / 40));
			for (const place of places) {
				const letter = good[place] === "A" ? "B" : "A";
				expectRefused(
					await me(`Bearer ${good.slice(0, place)}${letter}${good.slice(place + 1)}`),
					`${place}`,
				);
			}
			expect((await me(server.bearer)).status).toBe(200);
			expect((await me(server.bearer.replace("Bearer", "bEARER"))).status).toBe(200);
		});

		test("every route that needs a user is 401 without one", async () => {
			const path = `/collab/tasks/${newId()}` as const;
			for (const line of [
				"GET /auth/me",
				"PATCH /auth/me",
				"POST /collab/tasks",
				`PATCH ${path}`,
				`DELETE ${path}`,
			] as const) {
				const body = /POST|PATCH/.test(line) ? { title: "x" } : undefined;
				expectRefused(await ask(server, line, { body }), line);
				expectRefused(await ask(server, line, { body, headers: { authorization: "Bearer x.y.z" } }), line);
			}
		});

		test("a new password revokes earlier tokens and the old password", async () => {
			const email = "grace@example.com";
			const before = await addUser(server.storage, server.url, email);
			expect((await me(before)).status).toBe(200);
			const hash = await Bun.password.hash("another password", { algorithm: "argon2id", memoryCost: 1024 });
			expect(await usersOf(server.storage).setPassword(email, hash)).toBe(true);
			expectRefused(await me(before), "changed password");
			expect((await login(email, testPassword)).status).toBe(401);
			expect((await me(await logIn(server.url, email, "another password"))).status).toBe(200);
			expect((await me(server.bearer)).status).toBe(200);
		});

		test("removing a user revokes its tokens, and a new user with the same address is another user", async () => {
			const email = "removed@example.com";
			const before = await addUser(server.storage, server.url, email);
			expect((await me(before)).status).toBe(200);
			expect(await usersOf(server.storage).remove(email)).toBe(true);
			expectRefused(await me(before), "removed user");
			expect(errorOf(await login(email, testPassword)).type).toBe("invalid_credentials");
			const after = await addUser(server.storage, server.url, email);
			expect((await me(after)).status).toBe(200);
			expectRefused(await me(before), "removed user");
		});

		test("an invalid API key is ignored where none is needed", async () => {
			for (const key of ["nonsense", "", "x".repeat(5000)]) {
				const headers = { authorization: server.bearer, "x-api-key": key };
				expect((await ask(server, "GET /auth/me", { headers })).status).toBe(200);
				expect((await ask(server, "GET /collab/state/tasks", { headers })).status).toBe(200);
			}
		});
	});
}

test("a token expires, also one that was accepted before", async () => {
	let now = Date.now();
	const env = { DATABASE_URL: "sqlite://:memory:", JWT_EXPIRE_MINUTES: "5" };
	const server = await startServer(env, { clock: () => now });
	const me = () => ask(server, "GET /auth/me", { headers: { authorization: server.bearer } });
	const { exp } = claimsOf(server.bearer);
	expect(exp).toBe(Math.floor(now / 1000) + 300);
	expect((await me()).status).toBe(200);
	now = Number(exp) * 1000 - 1;
	expect((await me()).status).toBe(200);
	now += 1;
	expect((await me()).status).toBe(401);
	expect(
		(await ask(server, "GET /auth/me", { headers: { authorization: await logIn(server.url) } })).status,
	).toBe(200);
});

test("the secret generated at first start is stored: a token stays valid after a restart", async () => {
	for (const { newUrl } of everyDatabase.filter(({ name }) => name !== "SQLite in memory")) {
		const env = { DATABASE_URL: await newUrl() };
		const first = await startServer(env);
		await first.stop();
		const second = await startServer(env);
		const answer = await ask(second, "GET /auth/me", { headers: { authorization: first.bearer } });
		expect(answer.status).toBe(200);
	}
});

test("concurrent logins beyond the queue are 503, and later ones succeed", async () => {
	const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });
	const answers = await Promise.all(
		Array.from({ length: 130 }, () =>
			ask(server, "POST /auth/login", { body: { email: testEmail, password: testPassword } }),
		),
	);
	const statuses = Map.groupBy(answers, ({ status }) => status);
	expect([...statuses.keys()].sort()).toEqual([200, 503]);
	for (const answer of statuses.get(503) ?? []) expect(answer.headers.get("retry-after")).toBe("2");
	expect(
		(await ask(server, "POST /auth/login", { body: { email: testEmail, password: testPassword } })).status,
	).toBe(200);
});
