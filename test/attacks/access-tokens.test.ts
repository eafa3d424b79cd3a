import { describe, expect, test } from "bun:test";
import { accessTokenTexts } from "../../src/auth/access-token-text.ts";
import { sha256 } from "../../src/kernel/canonical.ts";
import { ask } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { recordedLog } from "../support/log.ts";
import { startServer } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { addToken } from "../support/tokens.ts";

/** Attacks on access tokens. What they may do, and how they end, is tested in test/api/tokens. */

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Texts that are close to a token. */
function nearMisses(token: string): readonly string[] {
	const changed = Array.from(token, (letter, place) => {
		const other = alphabet[(alphabet.indexOf(letter) + 1) % alphabet.length];
		return `${token.slice(0, place)}${other}${token.slice(place + 1)}`;
	});
	return [
		...changed,
		`${token}0`,
		`${token}=`,
		`${token}%00`,
		`${token} ${token}`,
		`${token},${token}`,
		token.slice(0, -1),
		token.slice(4),
		token.toUpperCase(),
		token.toLowerCase(),
		token.replace("orc_", "ORC_"),
		token.replace("orc_", "orc-"),
		`orc_${token}`,
		`orc_${token.slice(-21)}${token.slice(4, 26)}`,
		"orc_",
		"orc_' OR 1=1 --",
		`orc_${sha256(token)}`,
		sha256(token),
		`orc_${"0".repeat(43)}`,
		`orc_${"x".repeat(8000)}`,
	];
}

describe("a token that is forged", async () => {
	const { storage, ...server } = await startServer({ DATABASE_URL: "sqlite://:memory:" });
	const asked: string[] = [];
	const behind = await startServer(
		{},
		{
			storage: {
				...storage,
				accessTokens: {
					...storage.accessTokens,
					findByHash(hash) {
						asked.push(hash);
						return storage.accessTokens.findByHash(hash);
					},
				},
			},
		},
	);
	const { token } = await addToken(server);
	const me = async (headers: Readonly<Record<string, string>>) =>
		(await ask(behind, "GET /auth/me", { headers })).status;

	test("is refused in either header, however near, and no database is asked", async () => {
		for (const near of nearMisses(token)) {
			expect([near, await me({ authorization: `Bearer ${near}` })]).toEqual([near, 401]);
			const status = near.startsWith("orc_") ? 403 : 401;
			expect([near, await me({ "x-api-key": near })]).toEqual([near, status]);
		}
		for (const authorization of [token, `Basic ${token}`, `Token ${token}`, `Bearer "${token}"`, "Bearer"]) {
			expect([authorization, await me({ authorization })]).toEqual([authorization, 401]);
		}
		expect(asked).toEqual([]);
		expect(await me({ authorization: `Bearer ${token}` })).toBe(200);
		expect(await me({ "x-api-key": token })).toBe(200);
		expect(asked).toEqual([sha256(token), sha256(token)]);
	});

	test("by the secret of another installation is refused, and a path or a query is no place for one", async () => {
		const foreign = accessTokenTexts("another installation's secret").make();
		expect(await me({ authorization: `Bearer ${foreign}` })).toBe(401);
		for (const path of [
			`/auth/me?access_token=${token}`,
			`/auth/me?authorization=Bearer%20${token}`,
		] as const) {
			expect((await ask(behind, `GET ${path}`)).status).toBe(401);
		}
		expect((await ask(behind, "GET /auth/me", { headers: { cookie: `token=${token}` } })).status).toBe(401);
	});
});

test("texts are drawn without repeats, from all 62 characters, and are recognized by the secret alone", () => {
	const [ours, again, others] = ["one", "one", "two"].map(accessTokenTexts) as [
		ReturnType<typeof accessTokenTexts>,
		ReturnType<typeof accessTokenTexts>,
		ReturnType<typeof accessTokenTexts>,
	];
	const made = Array.from({ length: 3000 }, () => ours.make());
	expect(new Set(made.map((text) => text.slice(4, 26))).size).toBe(3000);
	const counts = Map.groupBy(
		made.flatMap((text) => [...text.slice(4, 26)]),
		(letter) => letter,
	);
	expect([...counts.keys()].sort().join("")).toBe(alphabet);
	// 66,000 characters, 1,065 of each, give or take 33: with a modulo alone the first eight would have 1,289.
	for (const [letter, { length }] of counts)
		expect([letter, length > 865 && length < 1265]).toEqual([letter, true]);
	for (const text of made.slice(0, 100)) {
		expect(text).toMatch(/^orc_[0-9A-Za-z]{43}$/);
		expect([again.hashOf(text), ours.hashOf(text), others.hashOf(text)]).toEqual([
			sha256(text),
			sha256(text),
			undefined,
		]);
	}
});

for (const { name, newUrl } of everyDatabase.filter(({ name }) => name !== "SQLite in memory")) {
	test(`a token is in no row of ${name}, in no log line and in no event`, async () => {
		const url = await newUrl();
		const recorded = recordedLog();
		const server = await startServer({ DATABASE_URL: url }, { log: recorded.log });
		const { id, token } = await addToken(server, { scopes: ["tasks:write", "jobs"] });
		const body = { title: "t", kind: "k", worker: "w" };
		for (const line of [
			"GET /auth/me",
			"POST /collab/tasks",
			"GET /collab/state/tasks",
			"GET /events",
			"POST /jobs",
			"POST /jobs/lease",
			"POST /auth/tokens",
			"DELETE /auth/tokens/x",
			"GET /nothing",
			"GET /metrics",
		] as const) {
			for (const headers of [
				{ authorization: `Bearer ${token}` },
				{ "x-api-key": token },
				{ "x-api-key": `${token}x` },
			]) {
				const answer = await ask(server, line, { headers, ...(line.startsWith("POST") && { body }) });
				expect([line, answer.text.includes(token.slice(4))]).toEqual([line, false]);
			}
		}
		// A token where its id belongs.
		for (const path of [`/auth/tokens/${token}`, `/spaces/${token}`, `/collab/tasks/${token}`] as const) {
			const headers = { authorization: server.bearer, "if-match": "*" };
			expect([path, (await ask(server, `DELETE ${path}`, { headers })).status]).toEqual([path, 404]);
		}
		expect(recorded.text()).toContain('"path":"/auth/tokens/orc_…"');
		const rows = await Promise.all(
			["access_tokens", "former_actors", "settings", "events", "idempotency"].map((table) =>
				runSql(url, `SELECT * FROM ${table}`),
			),
		);
		const kept = JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? String(value) : value));
		expect(kept).toContain(sha256(token));
		for (const text of [kept, recorded.text()]) expect(text).not.toContain(token.slice(4));
		expect(recorded.text()).not.toContain(sha256(token).slice(0, 12));
		expect(recorded.text()).toContain(id);
	});
}
