import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { binary } from "../support/binary.ts";
import { durableDatabases } from "../support/databases.ts";
import { runProgram, type ServerProcess, startProcess } from "../support/process.ts";
import { logIn } from "../support/users.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

/** The executable: it starts in half the time of the source, and is what users run. */
const program = [await binary()];

const [owner, grace] = ["dev.user@example.com", "grace@example.com"];
const password = "correct horse battery";

for (const { name, newUrl } of durableDatabases) {
	describe(`${name}, while a server runs`, () => {
		let server: ServerProcess;
		let env: Record<string, string>;

		beforeAll(async () => {
			env = {
				DATABASE_URL: await newUrl(),
				DEV_USER_EMAIL: owner,
				DEV_USER_PASSWORD: password,
			};
			server = await startProcess(program, env);
			await run("user add grace@example.com", password);
			for (const [name, title] of [
				["acme", "The move\tto 'there'"],
				["other", ""],
			]) {
				expect((await ask(owner, "POST", "/spaces", { name, title })).status).toBe(200);
			}
		});

		const run = (words: string, stdin = "") => runProgram([...program, ...words.split(" ")], env, { stdin });
		const done = (stdout: string) => ({ code: 0, stdout: `${stdout}\n`, stderr: "" });
		const failed = (sentence: string) => ({ code: 1, stdout: "", stderr: `orchestrator: ${sentence}\n` });

		async function ask(email: string, method: string, path: string, body?: object): Promise<Response> {
			const authorization = await logIn(server.url, email, password);
			return fetch(`${server.url}${path}`, {
				method,
				headers: { authorization, "content-type": "application/json" },
				...(body && { body: JSON.stringify(body) }),
			});
		}

		const create = async (email: string) =>
			(await ask(email, "POST", "/spaces/acme/collab/tasks", { title: "x" })).status;

		test("space list has a line for each, in the order of their making, with the title", async () => {
			expect(await run("space list")).toEqual(done("default\nacme\tThe move\tto 'there'\nother"));
		});

		test("member set adds a user and changes the role, for the running server at once", async () => {
			expect(await create(grace)).toBe(404);
			expect(await run("member set acme Grace@Example.com reader")).toEqual(
				done(`${grace} is reader in acme.`),
			);
			expect(await create(grace)).toBe(403);
			expect(await run(`member set acme ${grace} writer`)).toEqual(done(`${grace} is writer in acme.`));
			expect(await create(grace)).toBe(200);
			expect(await run(`member set default ${grace} reader`)).toEqual(done(`${grace} is reader in default.`));
			expect((await ask(grace, "POST", "/collab/tasks", { title: "x" })).status).toBe(403);
		});

		test("member remove ends the membership at once", async () => {
			await run(`member set acme ${grace} writer`);
			expect(await run(`member remove acme ${grace}`)).toEqual(done(`Removed ${grace} from acme.`));
			expect(await create(grace)).toBe(404);
			expect(await run(`member remove acme ${grace}`)).toEqual(failed(`${grace} is no member of acme.`));
		});

		test("a failure is one sentence and exit code 1, and changes nothing", async () => {
			const isLast = "A space has at least one owner: make another member an owner first.";
			for (const [words, sentence] of [
				[`member set nowhere ${grace} reader`, "There is no space nowhere."],
				["member set acme nobody@example.com reader", "There is no user nobody@example.com."],
				[`member set acme ${grace} king`, "A role is one of reader, writer, owner."],
				[`member set acme ${owner} writer`, isLast],
				[`member remove acme ${owner}`, isLast],
				[`member remove nowhere ${grace}`, "There is no space nowhere."],
				["member remove acme nobody@example.com", "There is no user nobody@example.com."],
				[`member remove default ${grace}`, "Every user is a member of the space default."],
			] as const) {
				expect([words, await run(words)]).toEqual([words, failed(sentence)]);
			}
			expect(await create(owner)).toBe(200);
			expect(await create(grace)).toBe(404);
		});

		test("user remove refuses the only owner of spaces, and names them", async () => {
			const sentence = (names: string) =>
				failed(`${owner} is the only owner of ${names}: make another member an owner first.`);
			expect(await run(`user remove ${owner}`)).toEqual(sentence("default, acme, other"));
			await run(`member set acme ${grace} owner`);
			expect(await run(`user remove ${owner}`)).toEqual(sentence("default, other"));
			expect(await create(owner)).toBe(200);
			await run(`member set default ${grace} owner`);
			await run(`member set other ${grace} owner`);
			expect(await run(`user remove ${owner}`)).toEqual(done(`Removed ${owner}.`));
			expect(await create(grace)).toBe(200);
			expect(await run(`user remove ${grace}`)).toEqual(
				failed(`${grace} is the only owner of default, acme, other: make another member an owner first.`),
			);
		});
	});
}
