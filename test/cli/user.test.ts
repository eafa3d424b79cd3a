import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { durableDatabases } from "../support/databases.ts";
import { runProgram, type ServerProcess, startProcess } from "../support/process.ts";
import { runOnTerminal } from "../support/terminal.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

/** The executable: it starts in half the time of the source, and is what users run. */
const program = [await binary()];

const password = "correct horse battery";

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

		const user = (words: string, stdin = "") =>
			runProgram([...program, "user", ...words.split(" ")], env, { stdin });

		async function logIn(email: string, word = password): Promise<{ status: number; token: string }> {
			const response = await fetch(`${server.url}/auth/login`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({ email, password: word }),
			});
			const { access_token: token = "" } = (await response.json()) as { access_token?: string };
			return { status: response.status, token };
		}

		const fetchMe = (token: string) =>
			fetch(`${server.url}/auth/me`, { headers: { authorization: `Bearer ${token}` } });
		const me = async (token: string) => (await fetchMe(token)).status;

		async function nameOf(email: string): Promise<unknown> {
			const { token } = await logIn(email);
			return ((await (await fetchMe(token)).json()) as { name: unknown }).name;
		}

		test("add reads the first line of standard input, and the user can log in", async () => {
			expect(await user("add Grace@Example.com", `${password}\nnothing of this\n`)).toEqual({
				code: 0,
				stdout: "Added grace@example.com.\n",
				stderr: "",
			});
			expect((await logIn("grace@example.com")).status).toBe(200);
			expect((await user("list")).stdout.split("\n")).toContain("grace@example.com");
		});

		test("the line may end with CR LF, or without a line break", async () => {
			expect((await user("add windows@example.com", `${password}\r\n`)).code).toBe(0);
			expect((await user("add endless@example.com", password)).code).toBe(0);
			expect((await logIn("windows@example.com")).status).toBe(200);
			expect((await logIn("endless@example.com")).status).toBe(200);
		});

		test("an address is one user in either normal form, for every command", async () => {
			const [nfc, nfd] = ["NFC", "NFD"].map((form) => `zoé@example.com`.normalize(form)) as [string, string];
			expect((await user(`add ${nfd}`, password)).stdout).toBe(`Added ${nfc}.\n`);
			expect((await user(`add ${nfc}`, password)).stderr).toContain("already");
			expect((await user(`passwd ${nfd}`, password)).code).toBe(0);
			expect((await logIn(nfd)).status).toBe(200);
			expect((await user(`remove ${nfd}`)).stdout).toBe(`Removed ${nfc}.\n`);
		});

		test("add takes a name, and without one the user has what stands before the @", async () => {
			const named = (name: string, email: string) =>
				runProgram([...program, "user", "add", email, "--name", name], env, { stdin: password });
			for (const [name, email] of [
				["Grace Hopper", "named@example.com"],
				["😀".repeat(100), "faces-named@example.com"],
				["--name", "dashes@example.com"],
			] as const) {
				const done = { code: 0, stdout: `Added ${email}.\n`, stderr: "" };
				expect(await named(name, email)).toEqual(done);
				expect(await nameOf(email)).toBe(name);
			}
			for (const name of ["", "😀".repeat(101), "a\tb", "a\u009f"]) {
				expect(await named(name, "badly-named@example.com")).toEqual({
					code: 1,
					stdout: "",
					stderr: "orchestrator: A name has 1 to 100 characters, none of them a control character.\n",
				});
			}
			await user("add No.Name+x@Example.com", password);
			expect(await nameOf("no.name+x@example.com")).toBe("no.name+x");
			expect(await nameOf("dev.user@example.com")).toBe("dev.user");
			expect((await user("list")).stdout).not.toMatch(/Grace|badly/);
		});

		test("passwd revokes the old password and its tokens", async () => {
			await user("add alan@example.com", password);
			const { token } = await logIn("alan@example.com");
			expect(await me(token)).toBe(200);
			const { code, stdout } = await user("passwd alan@example.com", "another horse\n");
			expect({ code, stdout }).toEqual({
				code: 0,
				stdout: "Set the password of alan@example.com; earlier logins have ended.\n",
			});
			expect(await me(token)).toBe(401);
			expect((await logIn("alan@example.com")).status).toBe(401);
			expect((await logIn("alan@example.com", "another horse")).status).toBe(200);
		});

		test("remove revokes logins and tokens", async () => {
			await user("add mary@example.com", password);
			const { token } = await logIn("mary@example.com");
			expect(await user("remove mary@example.com")).toEqual({
				code: 0,
				stdout: "Removed mary@example.com.\n",
				stderr: "",
			});
			expect(await me(token)).toBe(401);
			expect((await logIn("mary@example.com")).status).toBe(401);
			expect((await user("list")).stdout).not.toContain("mary@example.com");
		});

		test("a failure is one sentence and exit code 1, and changes nothing", async () => {
			await user("add kept@example.com", password);
			const before = (await user("list")).stdout;
			for (const [words, stdin, sentence] of [
				["add kept@example.com", "another horse\n", "There is a user kept@example.com already."],
				["add nobody", password, "nobody is not an e-mail address."],
				["add short@example.com", "2short\n", "A password has 8 to 1024 characters."],
				["add faces@example.com", "😀😀😀😀\n", "A password has 8 to 1024 characters."],
				["add silent@example.com", "", "A password has 8 to 1024 characters."],
				["passwd nobody@example.com", password, "There is no user nobody@example.com."],
				["passwd kept@example.com", "2short\n", "A password has 8 to 1024 characters."],
				["remove nobody@example.com", "", "There is no user nobody@example.com."],
			] as const) {
				expect(await user(words, stdin)).toEqual({
					code: 1,
					stdout: "",
					stderr: `orchestrator: ${sentence}\n`,
				});
			}
			expect((await user("list")).stdout).toBe(before);
			expect((await logIn("kept@example.com")).status).toBe(200);
		});

		test("on a terminal the password is prompted for without echo", async () => {
			const prompt = "Password for typed@example.com: ";
			// One key too many, then Backspace.
			const typed = await runOnTerminal(
				[...program, "user", "add", "typed@example.com"],
				env,
				prompt,
				`${password}x\u007f\r`,
			);
			expect(typed.code).toBe(0);
			expect(typed.screen.replaceAll("\r", "")).toBe(`${prompt}\nAdded typed@example.com.\n`);
			expect((await logIn("typed@example.com")).status).toBe(200);
		});

		test("Ctrl-C at the prompt adds nobody", async () => {
			const prompt = "Password for unsure@example.com: ";
			const words = [...program, "user", "add", "unsure@example.com"];
			const { code } = await runOnTerminal(words, env, prompt, "corr\u0003");
			expect(code).toBe(130);
			expect((await user("list")).stdout).not.toContain("unsure@example.com");
		});
	});
}
