import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { openSync, writeSync } from "node:fs";
import { newId } from "../../src/kernel/ids.ts";
import { durableDatabases, newFolder } from "../support/databases.ts";
import { dereference, type OpenApi, type OpenApiOperation } from "../support/document.ts";
import { ownPostgres } from "../support/postgres.ts";
import { fromSource, runProgram, startProcess } from "../support/process.ts";
import { runSql } from "../support/sql.ts";

// Whole processes are started.
setDefaultTimeout(60_000);

/** Is in everything that is submitted, and so must be in no line. */
const mark = "marked-4f1c";
const email = `${mark}@example.com`;
const password = `${mark} correct horse`;
const apiKey = `${mark}-key-0123456789`;

interface Schema {
	readonly type?: string;
	readonly enum?: readonly unknown[];
	readonly anyOf?: readonly Schema[];
	readonly format?: string;
	readonly pattern?: string;
	readonly minimum?: number;
	readonly items?: Schema;
	readonly properties?: Readonly<Record<string, Schema>>;
}

/** A value that fits, and has the mark wherever there may be text. */
function marked(schema: Schema): unknown {
	if (schema.enum !== undefined) return schema.enum[0];
	if (schema.anyOf !== undefined) return marked(schema.anyOf[0] ?? {});
	switch (schema.type) {
		case "string":
			if (schema.format === "uuid") return newId();
			if (schema.format === "date-time") return "2030-01-01T00:00:00.000Z";
			return schema.pattern === "@" ? email : mark;
		case "integer":
		case "number":
			return schema.minimum ?? 1;
		case "boolean":
			return false;
		case "array":
			return [marked(schema.items ?? {})];
		case "object":
			return Object.fromEntries(
				Object.entries(schema.properties ?? {}).map(([name, value]) => [name, marked(value)]),
			);
		default:
			return { [mark]: mark };
	}
}

interface Operation {
	readonly method: string;
	readonly path: string;
	readonly described: OpenApiOperation;
}

async function operationsOf(url: string): Promise<readonly Operation[]> {
	const document = dereference((await (await fetch(`${url}/swagger/json`)).json()) as OpenApi);
	return Object.entries(document.paths).flatMap(([path, operations]) =>
		Object.entries(operations).map(([method, described]) => ({
			method: method.toUpperCase(),
			path: path.replace(/\{\w+\}/g, () => newId()),
			described,
		})),
	);
}

/** An access token of the user whose JWT is given. */
async function issuedTo(url: string, jwt: string): Promise<string> {
	const headers = { authorization: `Bearer ${jwt}`, "content-type": "application/json" };
	const body = JSON.stringify({ name: mark, scopes: ["tasks:write"] });
	const answer = await fetch(`${url}/auth/tokens`, { method: "POST", headers, body });
	return ((await answer.json()) as { token: string }).token;
}

/** The statuses of an operation: with what fits, with the mark for every part of the query, and for the whole body. */
async function askAll(url: string, { method, path, described }: Operation, authorization: string) {
	const { parameters = [], requestBody, security = [] } = described;
	const names = parameters.filter((parameter) => parameter.in === "query" && parameter.name !== "cursor");
	const fitting = new URLSearchParams(
		Object.fromEntries(names.map(({ name, schema }) => [name, String(marked(schema))])),
	);
	const unfit = new URLSearchParams(Object.fromEntries(parameters.map(({ name }) => [name, mark])));
	const schema = requestBody?.content["application/json"]?.schema;
	const headers = {
		authorization,
		...(security.some((scheme) => "apiKey" in scheme) && { "x-api-key": apiKey }),
		"x-request-id": "asked",
		"content-type": "application/json",
		"idempotency-key": mark,
		"if-match": method === "POST" ? `"${mark}"` : "*",
		"if-none-match": `"${mark}"`,
		"user-agent": mark,
		[mark]: mark,
	};
	const bodies = [schema && JSON.stringify(marked(schema as Schema)), `{"${mark}":"${mark}`];
	const statuses: number[] = [];
	for (const query of ["", fitting, unfit, new URLSearchParams({ [mark]: mark })]) {
		for (const body of schema ? bodies : [undefined]) {
			const signal = AbortSignal.timeout(30_000);
			const init = { method, headers, signal, ...(body !== undefined && { body }) };
			const response = await fetch(`${url}${path}?${query}`, init);
			statuses.push(response.status);
			await response.body?.cancel();
		}
	}
	return statuses;
}

interface Breakage {
	readonly name: string;
	/** The status of what meets it. */
	readonly status: number;
	/** What the log must still say, to whoever has to mend it. */
	readonly says: RegExp;
	/** Breaks the database that a server uses. */
	breaks(url: string): Promise<void>;
	/** Where it is not a new database of the tests' server. */
	newUrl?(): Promise<string>;
}

async function tables(url: string): Promise<readonly string[]> {
	const all = url.startsWith("postgres")
		? "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
		: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
	return (await runSql(url, all)).map(({ name }) => String(name));
}

async function runAll(url: string, statements: readonly string[]): Promise<void> {
	for (const statement of statements) await runSql(url, statement);
}

const renamed = (which: (table: string) => boolean) => async (url: string) => {
	const names = (await tables(url)).filter(which);
	await runAll(
		url,
		names.map((name) => `ALTER TABLE "${name}" RENAME TO "${name}_away"`),
	);
};

const everywhere: readonly Breakage[] = [
	{
		name: "whose users are gone",
		status: 503,
		says: /42P01|no such table: users/,
		breaks: renamed((table) => table === "users"),
	},
	{
		name: "whose tables are gone",
		status: 503,
		says: /42P01|no such table: (tasks|jobs)/,
		breaks: renamed((table) => !["users", "settings"].includes(table)),
	},
];

const ofPostgres: readonly Breakage[] = [
	...everywhere,
	{
		name: "that may not be read",
		status: 503,
		says: /42501.*permission denied for table users/,
		async newUrl() {
			const postgres = durableDatabases.find(({ name }) => name === "Postgres");
			const url = new URL((await postgres?.newUrl()) ?? "");
			const role = `role_${url.pathname.slice(1)}`;
			await runAll(url.href, [
				`CREATE ROLE ${role} LOGIN PASSWORD 'postgres'`,
				`GRANT ALL ON SCHEMA public TO ${role}`,
				`GRANT CREATE ON DATABASE ${url.pathname.slice(1)} TO ${role}`,
			]);
			url.username = role;
			return url.href;
		},
		breaks: async (url) =>
			runAll(url, [`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${new URL(url).username}`]),
	},
	{
		name: "whose columns have another type (22P02)",
		status: 500,
		says: /"code":"22P02","routine":"\w+"/,
		breaks: (url) =>
			runAll(url, [
				"ALTER TABLE jobs ALTER COLUMN kind TYPE integer USING 0",
				"ALTER TABLE tasks ALTER COLUMN title TYPE integer USING 0",
				"ALTER TABLE idempotency ALTER COLUMN key TYPE integer USING 0",
			]),
	},
	{
		name: "whose addresses have another type (22P02)",
		status: 500,
		says: /22P02/,
		breaks: (url) => runAll(url, ["ALTER TABLE users ALTER COLUMN email TYPE integer USING 0"]),
	},
	{
		name: "whose rows violate a constraint (23514)",
		status: 500,
		says: /23514.*"constraint":"(tasks|jobs)_none","table":"(tasks|jobs)"/,
		breaks: (url) =>
			runAll(
				url,
				["users", "tasks", "jobs"].map(
					(table) => `ALTER TABLE ${table} ADD CONSTRAINT ${table}_none CHECK (created_at = 0) NOT VALID`,
				),
			),
	},
];

const ofSqlite: readonly Breakage[] = [
	...everywhere,
	{
		name: "whose rows violate a constraint",
		status: 500,
		says: /SQLITE_CONSTRAINT_TRIGGER/,
		breaks: (url) =>
			runAll(
				url,
				["users", "tasks", "jobs"].map(
					(table) =>
						`CREATE TRIGGER ${table}_none BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'none'); END`,
				),
			),
	},
	{
		name: "whose file is damaged",
		status: 503,
		says: /SQLITE_(CORRUPT|NOTADB)/,
		async breaks(url) {
			await runSql(url, "PRAGMA wal_checkpoint(TRUNCATE)");
			const file = openSync(url.slice("sqlite:///".length), "r+");
			const page = Buffer.alloc(4096, 0x5a);
			for (let number = 1; number < 60; number++) writeSync(file, page, 0, page.length, number * page.length);
		},
	},
];

for (const { name, newUrl } of durableDatabases) {
	describe.each([...(name === "Postgres" ? ofPostgres : ofSqlite)])(`${name} $name`, (breakage) => {
		let url: string;
		let output: string;
		const statuses: number[] = [];

		beforeAll(async () => {
			url = await (breakage.newUrl ?? newUrl)();
			const environment = {
				DATABASE_URL: url,
				LOG_LEVEL: "debug",
				API_KEYS: apiKey,
				METRICS: "on",
				DEV_USER_EMAIL: email,
				DEV_USER_PASSWORD: password,
			};
			const server = await startProcess(fromSource, environment);
			const operations = await operationsOf(server.url);
			const body = JSON.stringify({ email, password });
			const headers = { "content-type": "application/json" };
			const answer = await fetch(`${server.url}/auth/login`, { method: "POST", headers, body });
			const { access_token: token } = (await answer.json()) as { access_token: string };
			const accessToken = await issuedTo(server.url, token);
			await breakage.breaks(url);
			for (const operation of operations) {
				for (const credential of [token, accessToken]) {
					statuses.push(...(await askAll(server.url, operation, `Bearer ${credential}`)));
				}
			}
			await server.end("SIGTERM");
			output = server.output().replaceAll(token, mark).replaceAll(accessToken.slice(4), mark);
		});

		test("leaves nothing that was submitted in any line of the server, over every route", () => {
			expect(statuses).toContain(breakage.status);
			expect(breakage.says.test(output)).toBe(true);
			expect(output.split("\n").filter((line) => line.includes(mark))).toEqual([]);
		});

		test("leaves neither password nor hash in what a command prints", async () => {
			const env = { DATABASE_URL: url, LOG_LEVEL: "debug" };
			for (const words of [`user add new-${email}`, `user passwd ${email}`, "user list", "migrate"]) {
				const command = [...fromSource, ...words.split(" ")];
				const { stdout, stderr } = await runProgram(command, env, { stdin: `${password}\n` });
				expect(stdout + stderr).not.toMatch(/correct horse|argon2/);
			}
		});
	});
}

describe("a Postgres that is stopped", async () => {
	const postgres = await ownPostgres();

	test.if(postgres !== undefined)("leaves nothing that was submitted in any line of the server", async () => {
		if (postgres === undefined) return;
		const server = await startProcess(fromSource, {
			DATABASE_URL: postgres.url,
			LOG_LEVEL: "debug",
			API_KEYS: apiKey,
			DEV_USER_EMAIL: email,
			DEV_USER_PASSWORD: password,
		});
		const operations = await operationsOf(server.url);
		await postgres.kill();
		const statuses = (
			await Promise.all(operations.map((operation) => askAll(server.url, operation, `Bearer ${mark}`)))
		).flat();
		expect(statuses).toContain(503);
		await server.end("SIGTERM");
		expect(server.output()).toMatch(/ECONNREFUSED|CONNECTION_CLOSED/);
		expect(server.output()).not.toContain(mark);
		for (const words of [`user add new-${email}`, "user list"]) {
			const command = [...fromSource, ...words.split(" ")];
			const { code, stdout, stderr } = await runProgram(
				command,
				{ DATABASE_URL: postgres.url },
				{ stdin: `${password}\n` },
			);
			expect([code, stdout]).toEqual([1, ""]);
			expect(stderr).not.toMatch(/correct horse|argon2/);
		}
		await postgres.start();
	});
});

test("an argument, a file and a healthcheck that fail say nothing of the environment's secrets", async () => {
	const env = {
		DATABASE_URL: `sqlite:///${newFolder()}/none/here.db`,
		JWT_SECRET: `${mark}${"x".repeat(32)}`,
		API_KEYS: apiKey,
		DEV_USER_EMAIL: "ada@example.com",
		DEV_USER_PASSWORD: password,
		REDIS_URL: `redis://:${mark}@127.0.0.1:1`,
	};
	for (const words of [
		"serve",
		"migrate",
		"user list",
		"backup /none/x.db",
		"restore /none/x.db",
		"healthcheck",
	]) {
		const { code, stdout, stderr } = await runProgram([...fromSource, ...words.split(" ")], env);
		expect([words, code]).toEqual([words, 1]);
		expect(stdout + stderr).not.toContain(mark);
	}
});
