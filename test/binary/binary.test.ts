import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { durableDatabases, newFolder } from "../support/databases.ts";
import { fromSource, runProgram, startProcess } from "../support/process.ts";
import { logIn } from "../support/users.ts";

// The tests build the binary and start it many times.
setDefaultTimeout(60_000);

const program = [await binary()];
const root = join(import.meta.dir, "../..");
const email = "ada@example.com";
const password = "correct horse battery";
const devUser = { DEV_USER_EMAIL: email, DEV_USER_PASSWORD: password };

const filesOf = (cwd: string) => [...new Bun.Glob("**").scanSync({ cwd, dot: true })].toSorted();

describe("the executable alone in an empty folder", () => {
	for (const { name, newUrl } of durableDatabases) {
		test(`logs in, creates and lists on ${name}`, async () => {
			const cwd = newFolder();
			const url = name === "Postgres" ? await newUrl() : "sqlite:///./own.db";
			const server = await startProcess(program, { DATABASE_URL: url, ...devUser }, cwd);
			const created = await fetch(`${server.url}/collab/tasks`, {
				method: "POST",
				headers: {
					authorization: await logIn(server.url, email, password),
					"content-type": "application/json",
				},
				body: '{"title":"From the binary"}',
			});
			const body = await created.text();
			expect({ status: created.status, etag: created.headers.get("etag") }).toEqual({
				status: 200,
				etag: `"${new Bun.CryptoHasher("sha256").update(body).digest("hex")}"`,
			});
			const list = await fetch(`${server.url}/collab/state/tasks`);
			expect(await list.text()).toBe(`{"items":[${body}],"kind":"tasks"}`);
			expect(await server.end("SIGTERM")).toBe(0);
			expect(filesOf(cwd)).toEqual(name === "Postgres" ? [] : ["own.db"]);
		});
	}

	test("contains Swagger UI", async () => {
		const server = await startProcess(program, { DATABASE_URL: "sqlite://:memory:" }, newFolder());
		for (const [path, type, least] of [
			["/swagger", "text/html", 300],
			["/swagger/swagger-ui.css", "text/css", 100_000],
			["/swagger/swagger-ui-bundle.js", "text/javascript", 1_000_000],
			["/swagger/favicon.png", "image/png", 100],
		] as const) {
			const response = await fetch(server.url + path);
			expect(response.status).toBe(200);
			expect(response.headers.get("content-type")).toStartWith(type);
			expect((await response.bytes()).length).toBeGreaterThan(least);
		}
		await server.end("SIGTERM");
	});

	test("prints the same OpenAPI document as the source", async () => {
		const cwd = newFolder();
		const fromBinary = await runProgram([...program, "openapi"], {}, { cwd });
		expect(fromBinary).toEqual(await runProgram([...fromSource, "openapi"], {}));
		expect(filesOf(cwd)).toEqual([]);
	});
});

describe("in the folder of another project", () => {
	test("it ignores .env, bunfig.toml and package.json", async () => {
		const cwd = newFolder();
		writeFileSync(join(cwd, ".env"), "DATABASE_URL=sqlite:///./foreign.db\nPORT=nonsense\n");
		writeFileSync(join(cwd, ".env.production"), "PORT=nonsense\n");
		writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./intruder.ts"]\n');
		writeFileSync(join(cwd, "intruder.ts"), 'require("node:fs").writeFileSync("intruded", "");\n');
		writeFileSync(join(cwd, "package.json"), '{"type":"commonjs","imports":{"#x":"./intruder.ts"}}\n');
		mkdirSync(join(cwd, "node_modules/elysia"), { recursive: true });
		writeFileSync(join(cwd, "node_modules/elysia/index.js"), "throw new Error('not me');\n");
		const before = filesOf(cwd);
		const server = await startProcess(program, { DATABASE_URL: "sqlite:///./own.db" }, cwd);
		expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
		expect(await server.end("SIGTERM")).toBe(0);
		expect(filesOf(cwd)).toEqual([...before, "own.db"].toSorted());
	});

	test("the source, started in its own project's folder, reads .env", async () => {
		const cwd = newFolder();
		writeFileSync(join(cwd, ".env"), "PORT=nonsense\n");
		const { code, stderr } = await runProgram([...fromSource, "migrate"], {}, { cwd });
		expect(code).toBe(2);
		expect(stderr).toContain("PORT must be");
	});
});

test("a stack trace names the lines of the .ts files", async () => {
	const cwd = newFolder();
	const server = await startProcess(program, { DATABASE_URL: "sqlite:///./own.db", ...devUser }, cwd);
	// The stack of whatever the database fails with is in the log.
	using database = new Database(join(cwd, "own.db"));
	database.run("PRAGMA foreign_keys = OFF");
	database.run("DROP TABLE users");
	const response = await fetch(`${server.url}/auth/login`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ email, password }),
	});
	expect(response.status).toBe(503);
	expect(await response.text()).not.toContain("users");
	await server.end("SIGTERM");

	const line = server.output().match(/^.*"stack":.*$/m)?.[0] ?? "";
	const { err } = JSON.parse(line) as { err: { stack: string } };
	const [, lineNumber] = /src\/auth\/service\.ts:(\d+)/.exec(err.stack) ?? [];
	const source = readFileSync(join(root, "src/auth/service.ts"), "utf8").split("\n");
	expect(source[Number(lineNumber) - 1]).toContain("findByAddress(email)");
});

test.each(["production", "development", "test"])("NODE_ENV=%s changes no response", async (mode) => {
	const server = await startProcess(
		program,
		{ DATABASE_URL: "sqlite://:memory:", NODE_ENV: mode },
		newFolder(),
	);
	const response = await fetch(`${server.url}/auth/login`, {
		method: "POST",
		headers: { "content-type": "application/json", "x-request-id": "same" },
		body: '{"email":7,"secret":"hunter2"}',
	});
	expect(response.status).toBe(422);
	expect(await response.text()).toMatchInlineSnapshot(
		`"{"details":[{"message":"is required","path":"/password"},{"message":"is not a known field","path":"/secret"},{"message":"must be string","path":"/email"}],"message":"3 values do not fit; see details.","request_id":"same","type":"validation_error"}"`,
	);
	await server.end("SIGTERM");
});
