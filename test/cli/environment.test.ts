import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, readConfig } from "../../src/config.ts";
import { newFolder } from "../support/databases.ts";
import { fromSource, runProgram } from "../support/process.ts";

const root = join(import.meta.dir, "../..");

/** Every variable with invalid values. */
const unfit: Readonly<Record<string, readonly string[]>> = {
	PORT: ["http", "-1", "65536", "80.5", "0x50", " 80"],
	DATABASE_URL: [
		"orchestrator.db",
		"sqlite:rel.db",
		"sqlite:///",
		"mysql://db/x",
		"postgres:",
		"sqlite:///a?b",
	],
	DATABASE_POOL: ["0", "1001", "many"],
	DATABASE_LISTEN: ["yes", "OFF", "false"],
	JWT_SECRET: ["short", "x".repeat(31)],
	JWT_EXPIRE_MINUTES: ["0", "-5", "1h", "525601"],
	DEV_USER_EMAIL: ["nobody", "a@b@c", "a b@c", `${"😀".repeat(65)}@c`],
	DEV_USER_PASSWORD: ["2short", "x".repeat(1025), "😀".repeat(7), "e\u0301".repeat(7)],
	API_KEYS: ["too-short", "long-enough-key-01,short", "with a blank in it.", "ключ-из-кириллицы-01"],
	CORS_ORIGINS: [
		"example.com",
		"https://example.com/",
		"https://example.com/path",
		"https://example.com:443",
		"https://EXAMPLE.com",
		"https://*.example.com",
		"*",
		"null",
		"tauri:localhost",
		"tauri://",
		"tauri://localhost/",
		"Tauri://localhost",
		"tauri://user@localhost",
		"file:///",
	],
	RATE_LIMIT: ["60", "0/minute", "60/day", "-1/minute", "sixty/minute"],
	LOGIN_RATE_LIMIT: ["10", "10/fortnight", "off/minute"],
	USER_RATE_LIMIT: ["600", "0/minute", "OFF", "600/min"],
	WORKER_RATE_LIMIT: ["10", "1/day", "on"],
	REDIS_URL: ["localhost:6379", "http://localhost", "memory"],
	TRUST_PROXY: ["yes", "-1", "17"],
	IDLE_TIMEOUT_SECONDS: ["4", "256", "0", "1m"],
	MAX_BODY_BYTES: ["1MB", "0", "1023"],
	SSE_KEEPALIVE_SECONDS: ["0", "3601", "often"],
	EVENTS_RETENTION_HOURS: ["0", "-1", "a week", "1e3"],
	EVENTS_STREAMS_MAX: ["0", "all"],
	JOBS_RETENTION_HOURS: ["0", "-0.5", "never"],
	METRICS: ["yes", "ON"],
	READS: ["on", "Login", "private", "public,login"],
	LOG_LEVEL: ["loud", "INFO"],
	LOG_FORMAT: ["xml"],
};

function faults(env: Record<string, string>): readonly string[] {
	try {
		readConfig(env, false);
		return [];
	} catch (error) {
		if (error instanceof ConfigError) return error.faults;
		throw error;
	}
}

test("the lengths of an address and a password count code points", () => {
	const env = { DEV_USER_EMAIL: `${"😀".repeat(64)}@c`, DEV_USER_PASSWORD: "😀".repeat(1024) };
	expect(faults(env)).toEqual([]);
	expect(faults({ ...env, DEV_USER_PASSWORD: "😀".repeat(8) })).toEqual([]);
});

describe("one wrong value", () => {
	for (const [name, values] of Object.entries(unfit)) {
		test.each([...values])(`${name}=%j is an error that does not repeat the value`, (value) => {
			const partner = name === "DEV_USER_EMAIL" ? { DEV_USER_PASSWORD: "long enough" } : {};
			const other = name === "DEV_USER_PASSWORD" ? { DEV_USER_EMAIL: "a@example.com" } : {};
			const found = faults({ ...partner, ...other, [name]: value });
			expect(found).toHaveLength(1);
			expect(found[0]).toStartWith(`${name} must `);
			if (["JWT_SECRET", "DEV_USER_PASSWORD", "API_KEYS"].includes(name))
				expect(found[0]).not.toContain(value);
		});
	}

	test.each(["DEV_USER_EMAIL", "DEV_USER_PASSWORD"])("%s alone is an error", (name) => {
		expect(faults({ [name]: "a@example.com" })).toEqual([
			"DEV_USER_EMAIL and DEV_USER_PASSWORD must be set together",
		]);
	});
});

test("every error is listed at once, exit code 2, no secret shown, no file made", async () => {
	const cwd = newFolder();
	const secrets = { JWT_SECRET: "hunter2-jwt", DEV_USER_PASSWORD: "hunter2", API_KEYS: "hunter2-key" };
	const env = Object.fromEntries(Object.entries(unfit).map(([name, [first = ""]]) => [name, first]));
	const wrong = { ...env, DATABASE_URL: "postgres:hunter2", REDIS_URL: "redis//:hunter2@cache", ...secrets };
	const { code, stdout, stderr } = await runProgram(fromSource, wrong, { cwd });
	expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
	const [first, ...lines] = stderr.trimEnd().split("\n");
	expect(first).toBe(`The environment has ${Object.keys(unfit).length} faults.`);
	expect(lines.map((line) => line.trim().split(" ")[0]).toSorted()).toEqual(Object.keys(unfit).toSorted());
	expect(stderr).not.toContain("hunter2");
	expect([...new Bun.Glob("**").scanSync({ cwd, dot: true })]).toEqual([]);
});

test("an empty value counts as absent", () => {
	const empty = Object.fromEntries(Object.keys(unfit).map((name) => [name, ""]));
	expect(readConfig({ ...empty, HOST: "" }, false)).toEqual(readConfig({}, false));
});

describe("tests and documentation of the environment", () => {
	const inCode = [
		...readFileSync(join(root, "src/config.ts"), "utf8").matchAll(/read\.\w+\("([A-Z_]+)"/g),
	].map(([, name]) => name ?? "");
	const names = [...new Set(inCode)].toSorted();

	test("every variable has its invalid values above", () => {
		expect([...Object.keys(unfit), "HOST"].toSorted()).toEqual(names);
	});

	test("the README's table has every variable", () => {
		const section = readFileSync(join(root, "README.md"), "utf8")
			.split("## Environment")[1]
			?.split("\n## ")[0];
		const rows = [...(section ?? "").matchAll(/^\| (`.*?) \|/gm)].map(([, cell]) => cell ?? "");
		const inTable = rows.flatMap((cell) => cell.replaceAll("`", "").split(", "));
		expect(inTable.toSorted()).toEqual(names);
	});

	test(".env.example has every variable with its default", () => {
		const lines = readFileSync(join(root, ".env.example"), "utf8").matchAll(/^#([A-Z_]+)=(.*)$/gm);
		const example = Object.fromEntries([...lines].map(([, name, value]) => [name, value]));
		expect(Object.keys(example).toSorted()).toEqual(names);
		expect(readConfig(example, false)).toEqual(readConfig({}, false));
	});
});
