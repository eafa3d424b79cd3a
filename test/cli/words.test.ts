import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { version } from "../../package.json";
import { fromSource, runProgram } from "../support/process.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

const commands = [
	"serve",
	"migrate",
	"user",
	"user add",
	"user list",
	"user passwd",
	"user remove",
	"token",
	"token add",
	"token list",
	"token remove",
	"member",
	"member set",
	"member remove",
	"space",
	"space list",
	"healthcheck",
	"backup",
	"restore",
	"openapi",
];

/** No command below may touch a database: the one named cannot be opened. */
const run = (words: string) =>
	runProgram([...fromSource, ...words.split(" ").filter(Boolean)], {
		DATABASE_URL: "sqlite:////nowhere/none.db",
	});

describe("known commands", () => {
	test.each(["", ...commands])("%p --help prints its usage", async (words) => {
		const { code, stdout, stderr } = await run(`${words} --help`);
		expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
		expect(stdout).toStartWith(`Usage: ${["orchestrator", words].filter(Boolean).join(" ")} `);
	});

	test.each(["", ...commands])("%p --version prints the package's version", async (words) => {
		expect(await run(`${words} --version`)).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
	});

	test("the program's help names every command", async () => {
		const { stdout } = await run("--help");
		for (const command of commands.filter((name) => !name.includes(" "))) expect(stdout).toContain(command);
	});
});

describe("unknown commands and options", () => {
	test.each([
		["frob", "unknown command 'frob'"],
		["user frob", "unknown command 'frob'"],
		["--frob", "unknown option '--frob'"],
		["serve --frob", "unknown option '--frob'"],
		["migrate now", "too many arguments for 'migrate'"],
		["user add", "missing required argument 'email'"],
		["user add a@example.com b@example.com", "too many arguments for 'add'"],
		["user add a@example.com --name", "option '--name <name>' argument missing"],
		["user passwd a@example.com --name x", "unknown option '--name'"],
		["user list --name x", "unknown option '--name'"],
		["user", "Usage: orchestrator user"],
		["token", "Usage: orchestrator token"],
		["token frob", "unknown command 'frob'"],
		["token add a@example.com --scope jobs", "missing required argument 'name'"],
		["token add a@example.com agent", "required option '--scope <scope>' not specified"],
		["token add a@example.com agent --scope", "option '--scope <scope>' argument missing"],
		["token list a@example.com b@example.com", "too many arguments for 'list'"],
		["token remove", "missing required argument 'id'"],
		["member", "Usage: orchestrator member"],
		["member frob", "unknown command 'frob'"],
		["member set default a@example.com", "missing required argument 'role'"],
		["member set default a@example.com owner now", "too many arguments for 'set'"],
		["member remove default", "missing required argument 'email'"],
		["space", "Usage: orchestrator space"],
		["space frob", "unknown command 'frob'"],
		["space list all", "too many arguments for 'list'"],
	])("%p exits 2 and lists the commands", async (words, complaint) => {
		const { code, stdout, stderr } = await run(words);
		expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
		expect(stderr).toContain(complaint);
		expect(stderr.trimEnd().split("\n").at(-1)).toBe(
			"There are: serve, migrate, user add|list|passwd|remove, token add|list|remove, member set|remove, space list, healthcheck, backup, restore, openapi, --help, --version.",
		);
	});
});
