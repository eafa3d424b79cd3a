import { describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { passwords } from "../../src/auth/passwords.ts";
import { newId } from "../../src/kernel/ids.ts";
import { ask, errorOf } from "../support/ask.ts";
import { durableDatabases } from "../support/databases.ts";
import { recordedLog } from "../support/log.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { startServer } from "../support/server.ts";
import { addUser, logIn, testEmail, usersOf } from "../support/users.ts";

/**
 * Attacks on credentials. Invalid tokens, the limits on logins and the keys of `/jobs` and `/events` are tested in
 * test/api/auth, rate-limit, jobs and events; here are the attacks that those do not try.
 */

const secret = "a secret of more than thirty-two bytes";
const env = { DATABASE_URL: "sqlite://:memory:", JWT_SECRET: secret };

function base64url(value: unknown): string {
	return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function signed(
	header: object | string,
	claims: string,
	key: string | Buffer,
	hash: "sha256" | "sha384" | "sha512" = "sha256",
): string {
	const head = typeof header === "string" ? Buffer.from(header).toString("base64url") : base64url(header);
	const content = `${head}.${claims}`;
	return `${content}.${new Bun.CryptoHasher(hash, key).update(content).digest("base64url")}`;
}

describe("a token's header", async () => {
	const server = await startServer(env);
	const [, claims = ""] = server.bearer.split(".");
	const statusOf = async (token: string) =>
		(await ask(server, "GET /auth/me", { headers: { authorization: `Bearer ${token}` } })).status;
	const attackers = "a key that the attacker has made up himself";
	const jwk = { kty: "oct", k: Buffer.from(attackers).toString("base64url") };
	const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
	const pem = publicKey.export({ type: "spki", format: "pem" });

	test("cannot choose the key: not in the header, by URL or by path", async () => {
		const asked: string[] = [];
		const elsewhere = Bun.serve({
			port: 0,
			fetch({ url }) {
				asked.push(url);
				return Response.json({ keys: [{ ...jwk, kid: "mine", alg: "HS256" }] });
			},
		});
		for (const trick of [
			{ jwk },
			{ jku: `${elsewhere.url}keys`, kid: "mine" },
			{ x5u: `${elsewhere.url}cert` },
			{ x5c: [Buffer.from(pem).toString("base64")] },
			{ kid: "../../../../../../dev/null" },
			{ kid: "' UNION SELECT 'x' --" },
			{ kid: { toString: "x" } },
		]) {
			for (const key of [attackers, "", "x", pem]) {
				expect([trick, await statusOf(signed({ alg: "HS256", ...trick }, claims, key))]).toEqual([
					trick,
					401,
				]);
			}
		}
		await elsewhere.stop(true);
		expect(asked).toEqual([]);
	});

	test("cannot choose another algorithm, in any spelling, or encryption", async () => {
		for (const alg of [
			"none",
			"None",
			"NONE",
			"nOnE",
			"",
			" HS256",
			"hs256",
			"HS384",
			"HS1",
			"RS256",
			"PS256",
			"ES256",
			"EdDSA",
			"dir",
			null,
			["HS256"],
			{ HS256: 1 },
		]) {
			for (const key of [secret, pem]) {
				const token = signed({ alg, typ: "JWT" }, claims, key);
				const unsigned = `${token.slice(0, token.lastIndexOf("."))}.`;
				expect([alg, await statusOf(token), await statusOf(unsigned)]).toEqual([alg, 401, 401]);
			}
		}
		// Signed with the algorithm that they name, and with the right secret.
		for (const bits of [384, 512] as const) {
			const token = signed({ alg: `HS${bits}`, typ: "JWT" }, claims, secret, `sha${bits}`);
			expect([bits, await statusOf(token)]).toEqual([bits, 401]);
		}
		// Five parts are an encrypted token; a JSON object is another serialization.
		expect(await statusOf(`${base64url({ alg: "dir", enc: "A256GCM" })}..AAAA.AAAA.AAAA`)).toBe(401);
	});

	test("cannot turn off a check", async () => {
		const plain = Buffer.from(claims, "base64url").toString();
		for (const token of [
			signed({ alg: "HS256", crit: [] }, claims, secret),
			signed({ alg: "HS256", crit: ["exp"], exp: 1 }, claims, secret),
			signed({ alg: "HS256", crit: "b64" }, claims, secret),
			signed({ alg: "HS256", b64: false, crit: ["b64"] }, claims, secret),
			signed({ alg: "HS256", b64: false, crit: ["b64"] }, plain.replaceAll(/[^A-Za-z0-9]/g, "-"), secret),
			signed('{"alg":"none","alg":"HS256"', claims, secret),
			signed("null", claims, secret),
			signed("[]", claims, secret),
			signed('"HS256"', claims, secret),
			signed("\ufeff{}", claims, secret),
		]) {
			expect([token.split(".")[0], await statusOf(token)]).toEqual([token.split(".")[0], 401]);
		}
	});

	test("and the other parts have one encoding: another one of the same bytes is rejected", async () => {
		const good = server.bearer.slice("Bearer ".length);
		expect(await statusOf(good)).toBe(200);
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
		const last = alphabet.indexOf(good.at(-1) ?? "");
		// 32 bytes leave two bits of the last letter unused: four letters encode the same signature.
		const others = [1, 2, 3].map((bits) => good.slice(0, -1) + alphabet[(last & ~3) | ((last + bits) & 3)]);
		for (const token of [
			...others,
			`${good}=`,
			`${good}==`,
			`${good}.`,
			`${good}A`,
			good.replace(".", "=."),
		]) {
			expect([token, await statusOf(token)]).toEqual([token, 401]);
		}
	});
});

describe.each([...durableDatabases])("on $name", ({ newUrl }) => {
	test("a password change or a removal of a user by another process revokes tokens and logins at once", async () => {
		const url = await newUrl();
		const server = await startServer({ ...env, DATABASE_URL: url });
		const email = "grace@example.com";
		const before = await addUser(server.storage, server.url, email);
		const status = async (authorization: string) =>
			(await ask(server, "GET /auth/me", { headers: { authorization } })).status;
		const run = async (...words: readonly string[]) => {
			const options = { stdin: "another password\n" };
			expect(
				await runProgram([...fromSource, "user", ...words], { DATABASE_URL: url }, options),
			).toMatchObject({ code: 0 });
		};
		expect(await status(before)).toBe(200);
		await run("passwd", email);
		expect(await status(before)).toBe(401);
		const after = await logIn(server.url, email, "another password");
		expect(await status(after)).toBe(200);
		await run("remove", email);
		expect(await status(after)).toBe(401);
		await run("add", email);
		expect([await status(before), await status(after)]).toEqual([401, 401]);
		expect(await status(await logIn(server.url, email, "another password"))).toBe(200);
	});
});

test("a login takes about the same time, whether the address is known or not", async () => {
	const server = await startServer(env);
	const known = "with-a-real-hash@example.com";
	const passwordHash = await passwords().hash("the right one");
	await usersOf(server.storage).add({ id: newId(), email: known, passwordHash, now: Date.now() });
	const took = async (email: string) => {
		const startedAt = performance.now();
		const answer = await ask(server, "POST /auth/login", { body: { email, password: "a wrong one" } });
		expect(errorOf(answer).type).toBe("invalid_credentials");
		return performance.now() - startedAt;
	};
	const times: [known: number, unknown: number][] = [];
	await took(known);
	for (let n = 0; n < 9; n++) times.push([await took(known), await took(`nobody-${n}@example.com`)]);
	const median = (of: 0 | 1) => times.map((pair) => pair[of]).sort((one, other) => one - other)[4] ?? 0;
	// Without the dummy hash an unknown address is answered some fifty times as fast.
	expect(median(1) / median(0)).toBeGreaterThan(0.25);
	expect(median(1) / median(0)).toBeLessThan(4);
});

test("a key is in no log line, no event and no job; its fingerprint is in the log and the actor of events", async () => {
	const recorded = recordedLog();
	const key = "worker-key-that-is-secret";
	const server = await startServer(
		{ ...env, API_KEYS: `${key},other-key-0123456789` },
		{ log: recorded.log },
	);
	const headers = { "x-api-key": key };
	const wrong = { "x-api-key": `${key}-not` };
	const made = await ask(server, "POST /jobs", { headers, body: { kind: "mail" } });
	const { id } = made.json as { id: string };
	const leased = await ask(server, "POST /jobs/lease", { headers, body: { worker: "w" } });
	for (const line of ["GET /jobs", `GET /jobs/${id}`, "GET /events"] as const) {
		expect((await ask(server, line, { headers: wrong })).status).toBe(403);
	}
	expect((await ask(server, `GET /jobs?x-api-key=${key}`)).status).toBe(401);
	const events = await ask(server, "GET /events", { headers });
	expect((events.json as { items: unknown[] }).items).toHaveLength(2);
	const fingerprint = new Bun.CryptoHasher("sha256").update(key).digest("hex").slice(0, 12);
	const withoutActors = events.text.replaceAll(`"actor":"key/${fingerprint}",`, "");
	expect(withoutActors).not.toBe(events.text);
	for (const text of [made.text, leased.text, withoutActors]) {
		expect(text).not.toContain(key);
		expect(text).not.toContain(fingerprint);
	}
	expect(recorded.text()).not.toContain(key);
	expect(recorded.text()).toContain(`key:${fingerprint}`);
	expect(recorded.text()).not.toContain(testEmail);
});
