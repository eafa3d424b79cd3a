import { describe, expect, test } from "bun:test";
import { ask, errorOf } from "../support/ask.ts";
import { postgresUrl } from "../support/postgres.ts";
import { newOwnDatabase, type OwnDatabase } from "../support/postgres-roles.ts";
import { startServer, type TestServer, testApiKey } from "../support/server.ts";
import { testEmail, testPassword } from "../support/users.ts";

/** A Postgres that answers, and refuses what it is asked, because of what an operator did. */

const postgres = await postgresUrl();

async function serve(
	env: Record<string, string> = {},
	prepare: (database: OwnDatabase) => Promise<unknown> = async () => {},
): Promise<[TestServer, OwnDatabase]> {
	const database = await newOwnDatabase(postgres ?? "");
	await prepare(database);
	return [await startServer({ DATABASE_URL: database.url, ...env }), database];
}

async function create(server: TestServer): Promise<number> {
	const headers = { authorization: server.bearer };
	return (await ask(server, "POST /collab/tasks", { headers, body: { title: "t" } })).status;
}

/** Asks until the status comes, for 5 s at most. */
async function until(status: number, request: () => Promise<number>): Promise<void> {
	const deadline = performance.now() + 5000;
	let last = await request();
	while (last !== status && performance.now() < deadline) {
		await Bun.sleep(50);
		last = await request();
	}
	expect(last).toBe(status);
}

const health = async (server: TestServer) => (await ask(server, "GET /healthz")).status;

/** A request to each part of the program that needs the database. */
function everyPart(server: TestServer) {
	const user = { authorization: server.bearer };
	const key = { "x-api-key": testApiKey };
	const none = "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77";
	return [
		["GET /healthz", {}],
		["POST /auth/login", { body: { email: testEmail, password: testPassword } }],
		["GET /auth/me", { headers: user }],
		["PATCH /auth/me", { headers: user, body: { name: "Ada" } }],
		["POST /collab/tasks", { headers: user, body: { title: "t" } }],
		["GET /collab/state/tasks?limit=1", {}],
		[`GET /collab/tasks/${none}`, {}],
		[`PATCH /collab/tasks/${none}`, { headers: { ...user, "if-match": "*" }, body: { title: "t" } }],
		[`DELETE /collab/tasks/${none}`, { headers: { ...user, "if-match": "*" } }],
		["GET /events", {}],
		["GET /events/tail", {}],
		["POST /jobs", { headers: key, body: { kind: "k" } }],
		["POST /jobs/lease", { headers: key, body: { worker: "w" } }],
		["GET /jobs", { headers: key }],
		["GET /jobs/stats", { headers: key }],
		[`GET /jobs/${none}`, { headers: key }],
		[`POST /jobs/${none}/complete`, { headers: key, body: { fence: 1 } }],
	] as const;
}

async function expectUnavailable(server: TestServer): Promise<void> {
	for (const [line, question] of everyPart(server)) {
		const answer = await ask(server, line, question);
		expect([line, answer.status, errorOf(answer).type]).toEqual([line, 503, "unavailable"]);
		expect(answer.headers.get("retry-after")).toMatch(/^[12]$/);
	}
}

describe.if(postgres !== undefined)("a Postgres", () => {
	test("that was read-only for a while takes every write once it is not", async () => {
		const [server, { administer, endSessions, role }] = await serve({ DATABASE_POOL: "3" });
		expect(await create(server)).toBe(200);
		await administer(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
		await endSessions();
		await until(503, () => create(server));
		await until(503, () => health(server));
		for (const _ of Array(10)) expect(await create(server)).toBe(503);
		// All of the pool's connections are made now, and read-only.
		const reads = Array.from({ length: 20 }, () => ask(server, "GET /events"));
		for (const { status } of await Promise.all(reads)) expect(status).toBe(200);

		await administer(`ALTER ROLE ${role} RESET default_transaction_read_only`);
		await until(200, () => create(server));
		for (const _ of Array(5)) {
			expect(await Promise.all(Array.from({ length: 8 }, () => create(server)))).toEqual(Array(8).fill(200));
		}
		expect(await health(server)).toBe(200);
	});

	test("that was read-only is healthy again without a write", async () => {
		const [server, { administer, endSessions, role }] = await serve();
		await administer(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
		await endSessions();
		await until(503, () => health(server));
		await administer(`ALTER ROLE ${role} RESET default_transaction_read_only`);
		await until(200, () => health(server));
	});

	test("that does not let the user in is 503 on every route, and the server recovers by itself", async () => {
		const [server, { administer, endSessions, role }] = await serve();
		await administer(`ALTER ROLE ${role} NOLOGIN`);
		await endSessions();
		await expectUnavailable(server);
		await administer(`ALTER ROLE ${role} LOGIN PASSWORD 'another'`);
		await expectUnavailable(server);
		await administer(`ALTER ROLE ${role} PASSWORD 'secret'`);
		await until(200, () => health(server));
		await until(200, () => create(server));
	});

	test.each(["tasks", "log_head", "events", "jobs", "users"])(
		"that has lost its table %s, or the rights on it, is not healthy until it has them again",
		async (table) => {
			const [server, { administer, role }] = await serve();
			for (const [lose, restore] of [
				[`ALTER TABLE ${table} RENAME TO away`, `ALTER TABLE away RENAME TO ${table}`],
				[`REVOKE SELECT ON ${table} FROM ${role}`, `GRANT SELECT ON ${table} TO ${role}`],
				[`REVOKE INSERT, UPDATE ON ${table} FROM ${role}`, `GRANT INSERT, UPDATE ON ${table} TO ${role}`],
			] as const) {
				expect(await health(server)).toBe(200);
				await administer(lose);
				expect(await health(server)).toBe(503);
				if (table === "log_head") expect(await create(server)).toBe(503);
				await administer(restore);
			}
			expect([await health(server), await create(server)]).toEqual([200, 200]);
		},
	);

	test("that allows fewer connections than the pool: requests wait for one", async () => {
		const [server] = await serve({ DATABASE_POOL: "10" }, ({ administer, role }) =>
			administer(`ALTER ROLE ${role} CONNECTION LIMIT 2`),
		);
		for (const _ of [1, 2, 3]) {
			const asked = Array.from({ length: 5 }, () => everyPart(server))
				.flat()
				.filter(([line]) => line !== "GET /events/tail" && line !== "POST /auth/login");
			const statuses = asked.map(async ([line, question]) => (await ask(server, line, question)).status);
			expect(new Set(await Promise.all(statuses))).toEqual(new Set([200, 202, 404]));
		}
	});
});
