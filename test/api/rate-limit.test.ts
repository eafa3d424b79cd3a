import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import type { Log } from "../../src/kernel/log.ts";
import { type Answer, ask, errorOf, type Question } from "../support/ask.ts";
import { openTail } from "../support/events.ts";
import { recordedLog } from "../support/log.ts";
import { startServer, testApiKey } from "../support/server.ts";
import { addToken, type IssuedToken } from "../support/tokens.ts";
import { addUser, logIn, testEmail, testPassword, usersOf } from "../support/users.ts";

/** A server whose clock stands still until a test moves it. */
async function limited(env: Record<string, string>, log?: Log) {
	let now = 1_700_000_000_000;
	const server = await startServer(
		{ DATABASE_URL: "sqlite://:memory:", ...env },
		{ clock: () => now, ...(log && { log }) },
	);
	return {
		server,
		get: (options: Question = {}) => ask(server, "GET /collab/state/tasks", options),
		pass(milliseconds: number) {
			now += milliseconds;
		},
	};
}

/** Which limit a response was counted under, and what is left of it. */
const limitOf = ({ headers }: Answer) =>
	(headers.get("ratelimit") ?? "none").replace(/^"(\w+)";r=(\d+);t=\d+$/, "$1 $2");

const leftOf = ({ headers }: Answer) =>
	Number(/^"default";r=(\d+);t=\d+$/.exec(headers.get("ratelimit") ?? "")?.[1]);

function expectLimited(answer: Answer, seconds: number) {
	expect([answer.status, errorOf(answer).type]).toEqual([429, "rate_limited"]);
	expect(answer.headers.get("retry-after")).toBe(String(seconds));
}

function expectNoPluginHeaders({ headers }: Answer) {
	const names = [...headers.keys()].filter((name) => /^(x-)?ratelimit-(limit|remaining|reset)$/.test(name));
	expect(names).toEqual([]);
}

describe("the limit", () => {
	test("counts down within a window, rejects beyond the limit, and starts again after the window", async () => {
		const { get, pass } = await limited({ RATE_LIMIT: "5/minute" });
		// The first request was the login of the test user.
		for (const left of [3, 2, 1, 0]) {
			const answer = await get();
			expect(answer.status).toBe(200);
			expect(answer.headers.get("ratelimit-policy")).toBe('"default";q=5;w=60');
			expect(answer.headers.get("ratelimit")).toBe(`"default";r=${left};t=60`);
			expect(answer.headers.get("retry-after")).toBeNull();
		}
		pass(500);
		const refused = await get();
		expectLimited(refused, 60);
		expect(refused.headers.get("ratelimit")).toBe('"default";r=0;t=60');
		expect(refused.headers.get("ratelimit-policy")).toBe('"default";q=5;w=60');
		pass(58_500);
		expectLimited(await get(), 1);
		pass(999);
		expectLimited(await get(), 1);
		pass(1);
		const next = await get();
		expect([next.status, next.headers.get("ratelimit")]).toEqual([200, '"default";r=4;t=60']);
	});

	test("is in the headers of every limited response, whatever its status, and each request counts", async () => {
		const { server } = await limited({
			RATE_LIMIT: "100/minute",
			USER_RATE_LIMIT: "50/minute",
			MAX_BODY_BYTES: "1024",
		});
		const headers = { authorization: server.bearer };
		const id = newId();
		const left = { default: 99, user: 50 };
		for (const [line, status, options] of [
			["GET /collab/state/tasks", 200, {}],
			["GET /auth/me", 401, {}],
			["PATCH /auth/me", 200, { headers, body: { name: "Ada" } }],
			["GET /nothing", 404, {}],
			["PUT /collab/tasks", 405, {}],
			["POST /collab/tasks", 415, { headers, body: "x", contentType: "text/plain" }],
			["POST /collab/tasks", 413, { headers, body: "x".repeat(2000) }],
			["POST /collab/tasks", 400, { headers, body: "{" }],
			["POST /collab/tasks", 422, { headers, body: {} }],
			["POST /collab/tasks", 200, { headers, body: { title: "x" } }],
			[`PATCH /collab/tasks/${id}`, 404, { headers, body: {} }],
			[`DELETE /collab/tasks/${id}`, 401, {}],
			["POST /auth/login", 200, { body: { email: testEmail, password: testPassword } }],
			["POST /auth/login", 401, { body: { email: testEmail, password: "wrong" } }],
			["HEAD /collab/state/tasks", 200, {}],
			["HEAD /collab/state/tasks", 200, { headers }],
			["GET /nothing", 404, { headers }],
			["PUT /collab/tasks", 405, { headers }],
		] as const) {
			const answer = await ask(server, line, options);
			const name = "headers" in options ? "user" : "default";
			expect([line, answer.status, limitOf(answer)]).toEqual([line, status, `${name} ${--left[name]}`]);
			expectNoPluginHeaders(answer);
		}
	});

	test("does not apply to health, the start page, documentation and preflights", async () => {
		const { server, get } = await limited({ RATE_LIMIT: "1/hour" });
		expectLimited(await get(), 3600);
		for (const line of [
			"GET /",
			"HEAD /",
			"GET /healthz",
			"HEAD /healthz",
			"GET /swagger",
			"GET /swagger/json",
			"GET /swagger/start.js",
			"GET /swagger/swagger-ui.css",
			"OPTIONS /collab/tasks",
		] as const) {
			const answer = await ask(server, line, { headers: { origin: "http://localhost:3001" } });
			expect([line, answer.status < 400]).toEqual([line, true]);
			expect(answer.headers.get("ratelimit")).toBeNull();
			expect(answer.headers.get("ratelimit-policy")).toBeNull();
		}
	});

	test("does not apply to the requests of workers with a valid key, unless they have a limit of their own", async () => {
		const key = { "x-api-key": testApiKey };
		const id = newId();
		const requests = [
			["POST /jobs/lease", 200, { worker: "w" }],
			[`POST /jobs/${id}/heartbeat`, 404, { fence: 1 }],
			[`POST /jobs/${id}/complete`, 404, { fence: 1 }],
			[`POST /jobs/${id}/fail`, 404, { fence: 1, error: "e" }],
			["POST /jobs/lease", 422, {}],
		] as const;
		const { server } = await limited({ RATE_LIMIT: "4/minute" });
		for (const [line, status, body] of [...requests, ...requests]) {
			const answer = await ask(server, line, { headers: key, body });
			expect([line, answer.status, answer.headers.get("ratelimit")]).toEqual([line, status, null]);
			expect(answer.headers.get("ratelimit-policy")).toBeNull();
		}
		// What else the key is used for has its whole limit left; without a valid key, the address counts.
		expect(leftOf(await ask(server, "GET /jobs/stats", { headers: key }))).toBe(3);
		expect(leftOf(await ask(server, "POST /jobs", { headers: key, body: { kind: "k" } }))).toBe(2);
		expect(leftOf(await ask(server, `POST /jobs/${id}/cancel`, { headers: key }))).toBe(1);
		expect(leftOf(await ask(server, "GET /jobs/lease", { headers: key }))).toBe(0);
		expectLimited(await ask(server, "GET /jobs/stats", { headers: key }), 60);
		for (const [left, headers] of [
			[2, {}],
			[1, { "x-api-key": "wrong-key-of-sixteen" }],
		] as const) {
			expect(leftOf(await ask(server, "POST /jobs/lease", { headers, body: { worker: "w" } }))).toBe(left);
		}
	});

	test("of workers counts by key over all of their requests, and is not the default one", async () => {
		const key = { "x-api-key": testApiKey };
		const { server, pass } = await limited({ RATE_LIMIT: "9/minute", WORKER_RATE_LIMIT: "3/second" });
		const lease = () => ask(server, "POST /jobs/lease", { headers: key, body: { worker: "w" } });
		const complete = () =>
			ask(server, `POST /jobs/${newId()}/complete`, { headers: key, body: { fence: 1 } });
		for (const [request, status, left] of [
			[lease, 200, 2],
			[complete, 404, 1],
			[lease, 200, 0],
		] as const) {
			const answer = await request();
			expect([answer.status, answer.headers.get("ratelimit")]).toEqual([status, `"worker";r=${left};t=1`]);
			expect(answer.headers.get("ratelimit-policy")).toBe('"worker";q=3;w=1');
		}
		expectLimited(await complete(), 1);
		expect(leftOf(await ask(server, "GET /jobs/stats", { headers: key }))).toBe(8);
		pass(1000);
		expect((await lease()).status).toBe(200);
	});

	test("counts per API key if it is valid, and per address for any other", async () => {
		const second = "second-key-0123456789";
		const { get } = await limited({ RATE_LIMIT: "20/minute", API_KEYS: `${testApiKey},${second}` });
		const withKey = (key: string) => get({ headers: { "x-api-key": key } });
		expect(leftOf(await get())).toBe(18);
		expect(leftOf(await withKey(testApiKey))).toBe(19);
		expect(leftOf(await withKey(second))).toBe(19);
		for (let n = 0; n < 18; n++) expect(leftOf(await withKey(`invalid-key-${n}-0123456789`))).toBe(17 - n);
		for (const key of ["another-invalid-key-01", "", testApiKey.toUpperCase(), `${testApiKey}x`]) {
			expectLimited(await withKey(key), 60);
		}
		expect(leftOf(await withKey(testApiKey))).toBe(18);
	});

	test("counts per address of the socket, whatever headers the client sends", async () => {
		const { get } = await limited({ RATE_LIMIT: "5/minute" });
		for (let n = 0; n < 4; n++)
			expect(leftOf(await get({ headers: { "x-forwarded-for": `10.0.0.${n}` } }))).toBe(3 - n);
		expectLimited(await get({ headers: { "x-forwarded-for": "10.0.0.9", forwarded: "for=10.0.0.9" } }), 60);
	});

	test("behind a trusted proxy counts per address that the proxy saw", async () => {
		const { get } = await limited({ RATE_LIMIT: "5/minute", TRUST_PROXY: "1" });
		const from = (forwarded: string) => get({ headers: { "x-forwarded-for": forwarded } });
		expect(leftOf(await from("10.0.0.1"))).toBe(4);
		expect(leftOf(await from("10.0.0.2"))).toBe(4);
		for (const invented of ["1.1.1.1", "2.2.2.2, 3.3.3.3", "nonsense"]) await from(`${invented}, 10.0.0.1`);
		expect(leftOf(await from("10.0.0.1"))).toBe(0);
		expectLimited(await from("9.9.9.9, 10.0.0.1"), 60);
		expect(leftOf(await from("2001:db8:1:2::1"))).toBe(4);
		expect(leftOf(await from("2001:db8:1:2:ffff::9"))).toBe(3);
		expect(leftOf(await from("2001:db8:1:3::1"))).toBe(4);
	});

	test("behind a proxy that writes ports counts per address, and the log shows the address", async () => {
		const { log, lines } = recordedLog();
		const { get } = await limited({ RATE_LIMIT: "8/minute", TRUST_PROXY: "1" }, log);
		const from = (forwarded: string) => get({ headers: { "x-forwarded-for": forwarded } });
		const spellings = [
			"10.0.0.1:40001",
			"10.0.0.1:40002",
			'"10.0.0.1:40003"',
			"[::ffff:10.0.0.1]:4",
			"10.0.0.1",
		];
		for (const [index, spelling] of spellings.entries()) {
			expect(leftOf(await from(`6.6.6.6:${index}, ${spelling}`))).toBe(7 - index);
			expect(lines.at(-1)).toMatchObject({ msg: "request", client: "10.0.0.1" });
		}
		const six = ["[2001:db8:1:2::1]:40001", "[2001:DB8:1:2::1]:40002", '"[2001:db8:1:2:0::1]:3"'];
		for (const [index, spelling] of six.entries()) {
			expect(leftOf(await from(spelling))).toBe(7 - index);
			expect(lines.at(-1)).toMatchObject({ client: "2001:db8:1:2::1" });
		}
	});

	test("does not count at all when it is off", async () => {
		const { get } = await limited({ RATE_LIMIT: "off" });
		for (let n = 0; n < 100; n++) expect((await get()).headers.get("ratelimit")).toBeNull();
	});

	test("lets exactly as many concurrent requests pass as are left", async () => {
		const { get } = await limited({ RATE_LIMIT: "101/minute" });
		const answers = await Promise.all(Array.from({ length: 150 }, () => get()));
		expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
		expect(answers.filter(({ status }) => status === 429)).toHaveLength(50);
	});
});

describe("the limit of users", () => {
	const secret = "a secret of more than thirty-two bytes";
	const limits = { RATE_LIMIT: "20/minute", USER_RATE_LIMIT: "5/minute", JWT_SECRET: secret };

	/** The token with other claims, signed with the given secret. */
	function resigned(bearer: string, change: object, key = secret): string {
		const [header = "", claims = ""] = bearer.slice("Bearer ".length).split(".");
		const changed = { ...JSON.parse(Buffer.from(claims, "base64url").toString()), ...change };
		const content = `${header}.${Buffer.from(JSON.stringify(changed)).toString("base64url")}`;
		return `Bearer ${content}.${new Bun.CryptoHasher("sha256", key).update(content).digest("base64url")}`;
	}

	test("counts by user, over all routes, addresses and tokens, under its own name", async () => {
		const { server, get, pass } = await limited({ ...limits, TRUST_PROXY: "1" });
		const ada = { authorization: server.bearer };
		const grace = { authorization: await addUser(server.storage, server.url, "grace@example.com") };
		const again = { authorization: await logIn(server.url) };
		expect(again).not.toEqual(ada);
		for (const [line, status, headers, left] of [
			["GET /collab/state/tasks", 200, { ...ada, "x-forwarded-for": "10.0.0.1" }, 4],
			["GET /auth/me", 200, { ...ada, "x-forwarded-for": "10.0.0.2" }, 3],
			["GET /events", 200, again, 2],
			["GET /auth/me", 200, grace, 4],
			["DELETE /collab/tasks/x", 404, again, 1],
			["GET /jobs", 200, { ...ada, authorization: server.bearer.replace("Bearer", "bEARER ") }, 0],
		] as const) {
			const answer = await ask(server, line, { headers });
			expect([line, answer.status]).toEqual([line, status]);
			expect(answer.headers.get("ratelimit")).toBe(`"user";r=${left};t=60`);
			expect(answer.headers.get("ratelimit-policy")).toBe('"user";q=5;w=60');
			expect(answer.headers.get("retry-after")).toBeNull();
		}
		pass(1000);
		for (const headers of [ada, again, { ...ada, "x-forwarded-for": "10.0.0.3" }]) {
			const refused = await get({ headers });
			expectLimited(refused, 59);
			expect(refused.headers.get("ratelimit")).toBe('"user";r=0;t=59');
			expect(refused.headers.get("ratelimit-policy")).toBe('"user";q=5;w=60');
		}
		// The three logins alone have counted by address.
		expect(limitOf(await get())).toBe("default 16");
		expect(limitOf(await get({ headers: grace }))).toBe("user 3");
		pass(59_000);
		expect(limitOf(await get({ headers: ada }))).toBe("user 4");
	});

	test("is for valid tokens alone: forged, malformed and expired ones count by address", async () => {
		const { server, get, pass } = await limited({ ...limits, JWT_EXPIRE_MINUTES: "1" });
		const good = server.bearer;
		expect(limitOf(await get({ headers: { authorization: good } }))).toBe("user 4");
		let left = 19;
		for (const authorization of [
			resigned(good, {}, "a secret that the attacker has made up"),
			resigned(good, { sub: newId() }, "a secret that the attacker has made up"),
			resigned(good, { exp: 1_600_000_000 }),
			resigned(good, { iss: "another" }),
			`${good}x`,
			`Bearer ${"x".repeat(5000)}`,
			"Bearer x",
			"Bearer",
			"Basic YWRhOngK",
			good.slice("Bearer ".length),
			"",
		]) {
			expect([authorization, limitOf(await get({ headers: { authorization } }))]).toEqual([
				authorization,
				`default ${--left}`,
			]);
		}
		pass(60_001);
		expect(limitOf(await get({ headers: { authorization: good } }))).toBe("default 19");
	});

	test("asks no database: a token that a new password or a removal has ended is 401, and counts by user until it expires", async () => {
		const { server } = await limited(limits);
		const me = (authorization: string) => ask(server, "GET /auth/me", { headers: { authorization } });
		const email = "grace@example.com";
		const authorization = await addUser(server.storage, server.url, email);
		await usersOf(server.storage).setPassword(email, "x");
		const ended = await me(authorization);
		expect([ended.status, limitOf(ended)]).toEqual([401, "user 4"]);
		await usersOf(server.storage).remove(email);
		const removed = await me(authorization);
		expect([removed.status, limitOf(removed)]).toEqual([401, "user 3"]);
	});

	test("is for the one credential that a request acts for", async () => {
		const { server } = await limited({ ...limits, WORKER_RATE_LIMIT: "9/minute" });
		const token = { authorization: server.bearer };
		const forged = { authorization: "Bearer a.b.c" };
		const key = { "x-api-key": testApiKey };
		const wrong = { "x-api-key": "wrong-key-of-sixteen" };
		const basic = { authorization: "Basic YWRhOngK" };
		for (const [line, headers, limit] of [
			["GET /collab/state/tasks", { ...token, ...key }, "user 4"],
			["GET /collab/state/tasks", { ...token, ...wrong }, "user 3"],
			["GET /collab/state/tasks", { ...forged, ...key }, "default 18"],
			["GET /collab/state/tasks", { ...basic, ...key }, "default 19"],
			["GET /jobs", { ...token, ...key }, "default 18"],
			["GET /jobs/stats", { ...token, ...wrong }, "default 17"],
			["GET /events", { ...token, ...key }, "default 17"],
			["GET /events", { ...token, ...wrong }, "default 16"],
			["GET /events", { ...token }, "user 2"],
			["GET /metrics", { ...token, ...key }, "default 16"],
			["GET /jobsx", { ...token, ...key }, "user 1"],
			["POST /jobs/lease", { ...token, ...key }, "worker 8"],
			["POST /jobs/lease", { ...token }, "worker 8"],
		] as const) {
			expect([line, headers, limitOf(await ask(server, line, { headers }))] as unknown[]).toEqual([
				line,
				headers,
				limit,
			]);
		}
	});

	test("counts access tokens each by itself, in either header and over all routes, and forged ones by address", async () => {
		const { server, pass } = await limited({ ...limits, WORKER_RATE_LIMIT: "9/minute" });
		const [one, other] = [await addToken(server), await addToken(server)];
		const inBearer = ({ token }: IssuedToken) => ({ authorization: `Bearer ${token}` });
		const inKey = ({ token }: IssuedToken) => ({ "x-api-key": token });
		const forged = {
			token: `${one.token.slice(0, -1)}${one.token.endsWith("a") ? "b" : "a"}`,
		} as IssuedToken;
		for (const [line, headers, limit] of [
			["GET /auth/me", inBearer(one), "user 4"],
			["GET /auth/me", inKey(one), "user 3"],
			["GET /collab/state/tasks", inBearer(one), "user 2"],
			["GET /jobs", inKey(one), "user 1"],
			["GET /auth/me", inKey(other), "user 4"],
			// Its user has a count of their own: two requests have made the tokens.
			["GET /auth/me", { authorization: server.bearer }, "user 2"],
			["GET /auth/me", inBearer(forged), "default 18"],
			["GET /auth/me", inKey(forged), "default 17"],
			["GET /auth/me", { authorization: "Bearer orc_" }, "default 16"],
			["POST /auth/login", inBearer(one), "default 15"],
			["POST /auth/login", inKey(one), "default 14"],
			["POST /jobs/lease", inKey(one), "worker 8"],
			["POST /jobs/x/heartbeat", inBearer(one), "worker 7"],
			["POST /jobs/x/complete", inKey(other), "worker 8"],
			["POST /jobs/x/fail", inKey(one), "worker 6"],
			["POST /jobs/lease", inKey(forged), "default 13"],
			["GET /auth/me", inKey(one), "user 0"],
		] as const) {
			const answer = await ask(server, line, { headers, ...(line.startsWith("POST") && { body: {} }) });
			expect([line, headers, limitOf(answer)] as unknown[]).toEqual([line, headers, limit]);
		}
		expectLimited(await ask(server, "GET /auth/me", { headers: inBearer(one) }), 60);
		pass(60_000);
		expect(limitOf(await ask(server, "GET /auth/me", { headers: inBearer(one) }))).toBe("user 4");
	});

	test("asks no database for an access token: a removed or expired one is 401, and still counts by itself", async () => {
		const { server, pass } = await limited({ ...limits, JWT_EXPIRE_MINUTES: "10000" });
		const [removed, expired] = [await addToken(server), await addToken(server, { expires_in_days: 1 })];
		const headers = { authorization: server.bearer };
		await ask(server, `DELETE /auth/tokens/${removed.id}`, { headers });
		pass(86_400_000);
		for (const { token } of [removed, expired]) {
			const answer = await ask(server, "GET /auth/me", { headers: { authorization: `Bearer ${token}` } });
			expect([answer.status, limitOf(answer)]).toEqual([401, "user 4"]);
		}
	});

	test("off: users are not counted at all, also where strangers have none left", async () => {
		const { server, get } = await limited({ ...limits, RATE_LIMIT: "1/minute", USER_RATE_LIMIT: "off" });
		expectLimited(await get(), 60);
		for (let n = 0; n < 30; n++) {
			const answer = await get({ headers: { authorization: server.bearer } });
			expect([answer.status, limitOf(answer), answer.headers.get("ratelimit-policy")]).toEqual([
				200,
				"none",
				null,
			]);
		}
	});

	test("holds where strangers have no limit, and logins count by address whatever they bear", async () => {
		const only = await limited({ ...limits, RATE_LIMIT: "off" });
		expect(limitOf(await only.get())).toBe("none");
		expect(limitOf(await only.get({ headers: { authorization: only.server.bearer } }))).toBe("user 4");
		const { server } = await limited(limits);
		const headers = { authorization: server.bearer };
		const body = { email: testEmail, password: "wrong" };
		for (const [path, left] of [
			["/auth/login", 18],
			["/auth/login/", 17],
		] as const) {
			expect(limitOf(await ask(server, `POST ${path}`, { headers, body }))).toBe(`default ${left}`);
		}
	});

	test("a stream counts once, for as long as it is open", async () => {
		const { server, get } = await limited(limits);
		const headers = { authorization: server.bearer };
		const tail = await openTail(server.url, "", headers);
		expect(tail.response.headers.get("ratelimit")).toBe('"user";r=4;t=60');
		await tail.block();
		await ask(server, "POST /collab/tasks", { headers, body: { title: "x" } });
		await tail.next();
		expect(limitOf(await get({ headers }))).toBe("user 2");
		tail.close();
	});

	test("a flood of forged tokens from an address takes nothing from its users", async () => {
		const { server, get } = await limited({ ...limits, JWT_EXPIRE_MINUTES: "1" });
		const forged = Array.from({ length: 200 }, (_, n) =>
			get({ headers: { authorization: resigned(server.bearer, { jti: `${n}` }, "a made up secret") } }),
		);
		const statuses = (await Promise.all(forged)).map(({ status }) => status);
		expect(statuses.filter((status) => status === 429)).toHaveLength(181);
		// A token that the server has not seen yet is verified nevertheless.
		const fresh = resigned(server.bearer, { jti: "fresh" });
		expect(limitOf(await get({ headers: { authorization: fresh } }))).toBe("user 4");
	});

	test("lets exactly as many concurrent requests pass as are left", async () => {
		const { server, get } = await limited({ ...limits, USER_RATE_LIMIT: "101/minute" });
		const headers = { authorization: server.bearer };
		const answers = await Promise.all(Array.from({ length: 150 }, () => get({ headers })));
		expect(answers.filter(({ status }) => status === 200)).toHaveLength(101);
		expect(answers.filter(({ status }) => status === 429)).toHaveLength(49);
	});
});

describe("the login limit", () => {
	const wrong = { email: "victim@example.com", password: "wrong" };

	test("is per e-mail address and client address, counts failures, and responds as every limit does", async () => {
		const { server, pass } = await limited({
			LOGIN_RATE_LIMIT: "3/minute",
			TRUST_PROXY: "1",
			RATE_LIMIT: "1000/minute",
		});
		const login = (from: string, body: object) =>
			ask(server, "POST /auth/login", { headers: { "x-forwarded-for": from }, body });
		for (let n = 0; n < 3; n++) expect((await login("10.0.0.1", wrong)).status).toBe(401);
		for (const email of ["victim@example.com", "VICTIM@example.com", " victim@Example.COM "]) {
			const refused = await login("10.0.0.1", { ...wrong, email });
			expectLimited(refused, 60);
			expectNoPluginHeaders(refused);
			expect(refused.headers.get("ratelimit-policy")).toBe('"default";q=1000;w=60');
			expect(refused.text).not.toContain("ictim");
		}
		expect((await login("10.0.0.2", wrong)).status).toBe(401);
		expect((await login("10.0.0.1", { ...wrong, email: "other@example.com" })).status).toBe(401);
		for (let n = 0; n < 3; n++) {
			const good = await login("10.0.0.3", { email: testEmail, password: testPassword });
			expect(good.status).toBe(200);
			expectNoPluginHeaders(good);
			expect(good.headers.get("retry-after")).toBeNull();
		}
		expectLimited(await login("10.0.0.3", { email: testEmail, password: testPassword }), 60);
		pass(59_001);
		expectLimited(await login("10.0.0.1", wrong), 1);
		pass(999);
		expect((await login("10.0.0.1", wrong)).status).toBe(401);
	});

	test("counts per address behind a proxy that writes ports", async () => {
		const { server } = await limited({ LOGIN_RATE_LIMIT: "3/minute", RATE_LIMIT: "off", TRUST_PROXY: "1" });
		const statuses: number[] = [];
		for (const port of [40001, 40002, 40003, 40004, 40005]) {
			const headers = { "x-forwarded-for": `10.0.0.1:${port}` };
			statuses.push((await ask(server, "POST /auth/login", { headers, body: wrong })).status);
		}
		expect(statuses).toEqual([401, 401, 401, 429, 429]);
	});

	test("counts malformed logins too, and applies to nothing else", async () => {
		const { server } = await limited({ LOGIN_RATE_LIMIT: "3/minute" });
		const statuses: number[] = [];
		for (const body of ["{", "[]", '{"email":1}', "null", '"x"']) {
			statuses.push((await ask(server, "POST /auth/login", { body })).status);
		}
		expect(statuses).toEqual([400, 422, 422, 429, 429]);
		const headers = { authorization: server.bearer };
		for (let n = 0; n < 10; n++) {
			const answer = await ask(server, "GET /auth/me", { headers });
			expect(answer.status).toBe(200);
			expectNoPluginHeaders(answer);
			expect((await ask(server, "POST /collab/tasks", { headers, body: { title: "x" } })).status).toBe(200);
		}
	});

	test("is exact for concurrent logins", async () => {
		const { server } = await limited({ LOGIN_RATE_LIMIT: "10/minute" });
		const answers = await Promise.all(
			Array.from({ length: 30 }, () => ask(server, "POST /auth/login", { body: wrong })),
		);
		expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
		expect(answers.filter(({ status }) => status === 429)).toHaveLength(20);
	});

	test("works when the general limit is off", async () => {
		const { server } = await limited({ LOGIN_RATE_LIMIT: "2/minute", RATE_LIMIT: "off" });
		await addUser(server.storage, server.url, "grace@example.com");
		const statuses: number[] = [];
		for (let n = 0; n < 3; n++) {
			const answer = await ask(server, "POST /auth/login", { body: wrong });
			statuses.push(answer.status);
			expect(answer.headers.get("ratelimit")).toBeNull();
		}
		expect(statuses).toEqual([401, 401, 429]);
	});
});
