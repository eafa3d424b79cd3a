import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { binary } from "../support/binary.ts";
import { durableDatabases } from "../support/databases.ts";
import { runProgram, type ServerProcess, startProcess } from "../support/process.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

/** The executable: it starts in half the time of the source, and is what users run. */
const program = [await binary()];

const email = "dev.user@example.com";
const password = "correct horse battery";
const dayMs = 86_400_000;

for (const { name, newUrl } of durableDatabases) {
	describe(`${name}, while a server runs`, () => {
		let server: ServerProcess;
		let env: Record<string, string>;

		beforeAll(async () => {
			env = {
				DATABASE_URL: await newUrl(),
				DEV_USER_EMAIL: "Dev.User@example.com",
				DEV_USER_PASSWORD: password,
			};
			server = await startProcess(program, env);
		});

		const run = (...words: readonly string[]) => runProgram([...program, ...words], env);
		const token = (words: string) => run("token", ...words.split(" "));

		async function me(text: string) {
			const response = await fetch(`${server.url}/auth/me`, { headers: { authorization: `Bearer ${text}` } });
			const { token } = (await response.json()) as { token?: { id: string; name: string } };
			return { status: response.status, token };
		}

		/** Adds a token, which must succeed; returns what is printed. */
		async function added(...words: readonly string[]): Promise<string> {
			const { code, stdout, stderr } = await run("token", "add", ...words);
			expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
			expect(stdout).toMatch(/^orc_[0-9A-Za-z]{43}\n$/);
			return stdout.trimEnd();
		}

		/** The lines of a list, each as its columns. */
		async function listed(...words: readonly string[]): Promise<readonly (readonly string[])[]> {
			const { code, stdout, stderr } = await run("token", "list", ...words);
			expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
			expect(stdout).not.toContain("orc_");
			return stdout.split("\n").flatMap((line) => (line === "" ? [] : [line.split("\t")]));
		}

		test("add prints the token alone, and the server knows it at once, with its scopes and spaces", async () => {
			const all = await added(
				"DEV.USER@example.com",
				"Night 'shift' 👩‍👩‍👧",
				"--scope",
				"tasks:write",
				"--scope",
				"jobs",
			);
			expect(await me(all)).toMatchObject({
				status: 200,
				token: { name: "Night 'shift' 👩‍👩‍👧", scopes: ["jobs", "tasks:write"], spaces: null },
			});
			const before = Date.now();
			const one = await added(email, "Day", ...["--scope", "metrics", "--space", "default", "--days", "365"]);
			expect(await me(one)).toMatchObject({
				status: 200,
				token: { name: "Day", scopes: ["metrics"], spaces: ["default"] },
			});
			const lines = await listed(email);
			expect(lines.slice(-2)).toEqual([
				[
					expect.any(String),
					email,
					"Night 'shift' 👩‍👩‍👧",
					"jobs,tasks:write",
					"all spaces",
					"never expires",
					expect.stringMatching(/^(never used|used 2.*Z)$/),
				],
				[
					expect.any(String),
					email,
					"Day",
					"metrics",
					"default",
					expect.stringMatching(/^expires 2.*Z$/),
					expect.stringMatching(/^(never used|used 2.*Z)$/),
				],
			] as never);
			const expires = Date.parse(lines.at(-1)?.[5]?.slice("expires ".length) ?? "");
			expect(expires).toBeGreaterThanOrEqual(before + 365 * dayMs);
			expect(expires).toBeLessThanOrEqual(Date.now() + 365 * dayMs);
			expect(server.output()).not.toContain(all.slice(4));
		});

		test("list is of one user or of all, and remove ends a token at once", async () => {
			await runProgram([...program, "user", "add", "grace@example.com"], env, { stdin: password });
			const text = await added("grace@example.com", "hers", "--scope", "tasks:read");
			const id = (await me(text)).token?.id ?? "";
			expect((await listed("Grace@Example.com")).map(([one]) => one)).toEqual([id]);
			expect((await listed()).map(([, user]) => user)).toEqual(
				expect.arrayContaining([email, "grace@example.com"]),
			);
			expect(await token(`remove ${id}`)).toEqual({ code: 0, stdout: "Removed hers.\n", stderr: "" });
			expect((await me(text)).status).toBe(401);
			expect(await listed("grace@example.com")).toEqual([]);
			expect((await listed()).map(([one]) => one)).not.toContain(id);
		});

		test("the tokens of a user who is removed end, and are listed no more", async () => {
			await runProgram([...program, "user", "add", "mary@example.com"], env, { stdin: password });
			const text = await added("mary@example.com", "hers", "--scope", "tasks:read");
			expect((await me(text)).status).toBe(200);
			expect(await run("user", "remove", "mary@example.com")).toMatchObject({ code: 0 });
			expect((await me(text)).status).toBe(401);
			expect((await listed()).map(([, user]) => user)).not.toContain("mary@example.com");
		});

		test("a failure is one sentence and exit code 1, and adds nothing", async () => {
			// A last use may be written meanwhile.
			const idsListed = async () => (await listed()).map(([id]) => id);
			const before = await idsListed();
			const scope = "A scope is one of jobs, metrics, tasks:read, tasks:write.";
			const days = "--days is a number from 1 to 365.";
			for (const [words, sentence] of [
				["add nobody@example.com n --scope jobs", "There is no user nobody@example.com."],
				[`add ${email} n --scope admin`, scope],
				[`add ${email} n --scope jobs --scope jobs,metrics`, scope],
				[`add ${email} n --scope jobs --space default --space other`, `${email} is in no space other.`],
				...["0", "366", "1.5", "-1", "x", "1e2"].map(
					(n) => [`add ${email} n --scope jobs --days=${n}`, days] as const,
				),
				["list nobody@example.com", "There is no user nobody@example.com."],
				[`remove ${newId()}`, "There is no such token."],
				["remove n", "There is no such token."],
			] as const) {
				expect(await token(words)).toEqual({ code: 1, stdout: "", stderr: `orchestrator: ${sentence}\n` });
			}
			for (const bad of ["", "😀".repeat(101), "a\tb", "a\u009f"]) {
				expect(await run("token", "add", email, bad, "--scope", "jobs")).toEqual({
					code: 1,
					stdout: "",
					stderr: "orchestrator: A name has 1 to 100 characters, none of them a control character.\n",
				});
			}
			expect(await idsListed()).toEqual(before);
		});

		test("the 101st token of a user is refused", async () => {
			const { stdout } = await run("token", "list", email);
			const there = stdout.split("\n").filter(Boolean).length;
			const { access_token: jwt } = (await (
				await fetch(`${server.url}/auth/login`, {
					method: "POST",
					headers: { "content-type": "application/json" },
					body: JSON.stringify({ email, password }),
				})
			).json()) as { access_token: string };
			for (let n = there; n < 100; n++) {
				const response = await fetch(`${server.url}/auth/tokens`, {
					method: "POST",
					headers: { "content-type": "application/json", authorization: `Bearer ${jwt}` },
					body: JSON.stringify({ name: "n", scopes: ["jobs"] }),
				});
				expect(response.status).toBe(200);
			}
			expect(await token(`add ${email} n --scope jobs`)).toEqual({
				code: 1,
				stdout: "",
				stderr: "orchestrator: A user has at most 100 tokens, expired ones included: remove one.\n",
			});
		});
	});
}
