import { describe, expect, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { AppError } from "../../src/kernel/errors.ts";
import { newId } from "../../src/kernel/ids.ts";
import { openStorage } from "../../src/storage/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { ask, errorOf } from "../support/ask.ts";
import { recordedLog } from "../support/log.ts";
import { startServer, testApiKey } from "../support/server.ts";
import { testEmail, testPassword } from "../support/users.ts";

const innermost = "duplicate key (title)=(innermost secret)";

/** A server whose tasks, writes and health fail with the given error once it has a user, and its log. */
async function failing(error: () => unknown) {
	const recorded = recordedLog();
	const { database } = readConfig({ DATABASE_URL: "sqlite://:memory:" }, false);
	const storage = await openStorage(database, recorded.log);
	const fail = () => Promise.reject(error());
	let hasUser = false;
	const broken: Storage = {
		...storage,
		tasks: { find: fail, list: fail, ready: fail, stats: fail, revision: fail, dueInMs: fail, findAll: fail },
		run: (unit) => (hasUser ? fail() : storage.run(unit)),
		ping: fail,
	};
	const server = await startServer({}, { storage: broken, log: recorded.log });
	hasUser = true;
	return { server, recorded };
}

const id = newId();
const lines = [
	["GET /collab/state/tasks", undefined],
	["POST /collab/tasks", { title: "x" }],
	[`GET /collab/tasks/${id}`, undefined],
	[`PATCH /collab/tasks/${id}`, { title: "x" }],
	[`DELETE /collab/tasks/${id}`, undefined],
] as const;

describe("a defect", async () => {
	const { server, recorded } = await failing(() => new TypeError(innermost, { cause: new Error("deeper") }));
	const headers = { authorization: server.bearer, "if-match": "*" };

	test.each(lines)(
		"%s is 500 without the cause, which the log has under the same request id",
		async (line, body) => {
			const requestId = `defect-${line.replace(/\W+/g, "-").slice(0, 60)}`;
			const answer = await ask(server, line, {
				headers: { ...headers, "x-request-id": requestId },
				body,
			});
			expect(answer.status).toBe(500);
			expect(errorOf(answer).type).toBe("internal");
			expect(answer.text + JSON.stringify([...answer.headers])).not.toMatch(
				/innermost|deeper|TypeError|\.ts/,
			);
			const logged = recorded.lines.filter((entry) => entry.request_id === requestId);
			expect(logged).toHaveLength(1);
			expect(JSON.stringify(logged)).toContain("TypeError");
			expect(recorded.lines).toContainEqual(
				expect.objectContaining({ msg: "request", requestId, status: 500, method: line.split(" ")[0] }),
			);
		},
	);

	test("any thrown value is a 500, also one that is not an Error", async () => {
		for (const thrown of [undefined, null, "text", 0, {}, Symbol("x")]) {
			const { server } = await failing(() => thrown);
			expect((await ask(server, "GET /collab/state/tasks")).status).toBe(500);
		}
	});
});

describe("a database that is unavailable", async () => {
	const { server } = await failing(
		() => new AppError("unavailable", "The database cannot take this now.", { retryAfterSeconds: 1 }),
	);
	const headers = { authorization: server.bearer, "if-match": "*" };

	test.each(lines)("%s is 503 with Retry-After", async (line, body) => {
		const answer = await ask(server, line, { headers, body });
		expect([answer.status, errorOf(answer).type, answer.headers.get("retry-after")]).toEqual([
			503,
			"unavailable",
			"1",
		]);
	});

	test("health is 503", async () => {
		const answer = await ask(server, "GET /healthz");
		expect([answer.status, errorOf(answer).type]).toEqual([503, "unavailable"]);
		expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
	});
});

test("health is 503 within its timeout when the database does not answer", async () => {
	const { log } = recordedLog();
	const storage = await openStorage({ kind: "sqlite", path: ":memory:" }, log);
	const silent: Storage = { ...storage, ping: () => new Promise(() => {}) };
	const server = await startServer({}, { storage: silent });
	expect((await ask(server, "GET /healthz")).status).toBe(503);
});

describe("the log", () => {
	test("has one line per request, under the request's id, without query or secret", async () => {
		const recorded = recordedLog();
		const server = await startServer({ DATABASE_URL: "sqlite://:memory:" }, { log: recorded.log });
		const token = server.bearer.slice("Bearer ".length);
		const secrets = [
			testPassword,
			token,
			testApiKey,
			"wrong-Password-1",
			"cursor-in-query",
			"idem-secret-key",
		];
		const before = recorded.lines.length;
		const asked = [
			["POST /auth/login", 200, { body: { email: testEmail, password: testPassword } }],
			["POST /auth/login", 401, { body: { email: testEmail, password: "wrong-Password-1" } }],
			["POST /auth/login", 422, { body: { email: 1, password: "wrong-Password-1" } }],
			["GET /auth/me", 200, { headers: { authorization: server.bearer, "x-api-key": testApiKey } }],
			["GET /auth/me", 401, { headers: { authorization: `${server.bearer}x` } }],
			["GET /collab/state/tasks?cursor=cursor-in-query", 422, {}],
			[
				"POST /collab/tasks",
				200,
				{
					headers: { authorization: server.bearer, "idempotency-key": "idem-secret-key" },
					body: { title: "x" },
				},
			],
			["HEAD /healthz", 200, {}],
			["OPTIONS /collab/tasks", 204, { headers: { origin: "http://localhost:3001" } }],
			["PUT /healthz", 405, {}],
			["GET /nothing", 404, {}],
		] as const;
		for (const [index, [line, status, options]] of asked.entries()) {
			const headers = { ...("headers" in options ? options.headers : {}), "x-request-id": `line-${index}` };
			expect((await ask(server, line, { ...options, headers })).status).toBe(status);
		}
		const logged = recorded.lines.slice(before);
		expect(logged.map((entry) => [`${entry.method} ${entry.path}`, entry.status, entry.requestId])).toEqual(
			asked.map(([line, status], index) => [line.split("?")[0] ?? "", status, `line-${index}`]),
		);
		for (const entry of logged) {
			expect(entry.client).toMatch(/^(::1|(::ffff:)?127\.0\.0\.1)$/);
			expect(entry.milliseconds).toBeNumber();
		}
		expect(logged[3]?.principal).toMatch(/^[0-9a-f-]{36}$/);
		expect(logged[4]?.principal).toBeUndefined();
		for (const secret of secrets) expect(recorded.text()).not.toContain(secret);
	});
});
