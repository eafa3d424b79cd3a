import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { binary } from "../support/binary.ts";
import { durableDatabases, everyDatabase, newFolder } from "../support/databases.ts";
import { freePort } from "../support/ports.ts";
import { postgresUrl } from "../support/postgres.ts";
import { runProgram } from "../support/process.ts";
import { unprivileged, unprivilegedUser } from "../support/unprivileged.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

const program = [await binary()];

const run = (word: string, url: string) => runProgram([...program, word], { DATABASE_URL: url });

/** Runs a statement that the program itself never runs. */
async function tamper(url: string, statement: string): Promise<void> {
	if (url.startsWith("sqlite")) {
		using database = new Database(url.slice("sqlite:///".length));
		database.run(statement);
		return;
	}
	const sql = postgres(url, { max: 1 });
	await sql.unsafe(statement);
	await sql.end();
}

for (const { name, newUrl } of durableDatabases) {
	describe(`migrate on ${name}`, () => {
		test("prints what it did, and the second time that there was nothing to do", async () => {
			const url = await newUrl();
			const first = await run("migrate", url);
			expect(first).toMatchObject({ code: 0, stderr: "" });
			const migrations = readdirSync(join(import.meta.dir, "../../drizzle/sqlite"))
				.filter((file) => file.endsWith(".sql"))
				.toSorted();
			expect(first.stdout).toBe(
				`${migrations.map((file) => `applied ${file.slice(0, -4)}\n`).join("")}The schema is up to date.\n`,
			);
			expect(await run("migrate", url)).toEqual({
				code: 0,
				stdout: "The schema is up to date; nothing was to be done.\n",
				stderr: "",
			});
		});

		test("ten processes at once apply each migration once, and all succeed", async () => {
			const url = await newUrl();
			const all = await Promise.all(Array.from({ length: 10 }, () => run("migrate", url)));
			expect(all.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
				Array(10).fill({ code: 0, stderr: "" }),
			);
			const applied = all.flatMap(({ stdout }) => stdout.match(/^applied .*/gm) ?? []);
			expect(applied).toHaveLength(new Set(applied).size);
			expect(applied.length).toBeGreaterThan(0);
		});

		test("a database that a newer program has migrated is rejected by every command", async () => {
			const url = await newUrl();
			await run("migrate", url);
			await tamper(url, "INSERT INTO schema_migrations VALUES ('9999_later', 'x', 0)");
			for (const word of ["migrate", "serve"]) {
				const { code, stdout, stderr } = await run(word, url);
				expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
				expect(stderr).toStartWith(
					"orchestrator: The database is newer than this program: it has the migration 9999_later",
				);
			}
		});

		test("a migration with another content is rejected", async () => {
			const url = await newUrl();
			await run("migrate", url);
			await tamper(url, "UPDATE schema_migrations SET hash = 'other' WHERE name = '0000_init'");
			expect(await run("migrate", url)).toEqual({
				code: 1,
				stdout: "",
				stderr: "orchestrator: The migration 0000_init in the database is not this program's.\n",
			});
		});
	});
}

/** Expects one clear sentence and exit code 1, both of a command and of the server. */
async function errorResponse(url: string, sentence: string): Promise<void> {
	for (const word of ["migrate", "serve"]) {
		expect(await run(word, url)).toEqual({ code: 1, stdout: "", stderr: `orchestrator: ${sentence}\n` });
	}
}

describe("a SQLite file that cannot be opened", () => {
	test("in a folder that is missing", async () => {
		const folder = newFolder();
		const path = join(folder, "missing/test.db");
		await errorResponse(
			`sqlite:///${path}`,
			`The database ${path} cannot be used: it cannot be opened; does its folder exist, and may this user write there.`,
		);
		expect(readdirSync(folder)).toEqual([]);
	});

	test("that is a folder", async () => {
		const folder = newFolder();
		await errorResponse(
			`sqlite:///${folder}`,
			`The database ${folder} cannot be used: it cannot be opened; does its folder exist, and may this user write there.`,
		);
	});

	test("that is not a database stays unchanged", async () => {
		const path = join(newFolder(), "letter.txt");
		writeFileSync(path, "Dear Ada, ".repeat(1000));
		await errorResponse(
			`sqlite:///${path}`,
			`The database ${path} cannot be used: the file is not a SQLite database.`,
		);
		expect(readFileSync(path, "utf8")).toBe("Dear Ada, ".repeat(1000));
	});

	test("that is damaged", async () => {
		const path = join(newFolder(), "test.db");
		await run("migrate", `sqlite:///${path}`);
		const bytes = readFileSync(path);
		bytes.fill(0x5a, 100, 4096);
		writeFileSync(path, bytes);
		const { code, stdout, stderr } = await run("serve", `sqlite:///${path}`);
		expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
		expect(stderr).toBe(`orchestrator: The database ${path} cannot be used: the file is damaged.\n`);
	});

	test.skipIf(process.platform === "win32")(
		"that is read-only for this user, or whose folder is",
		async () => {
			const folder = join(newFolder(), "owned");
			mkdirSync(folder);
			const path = join(folder, "test.db");
			chmodSync(join(folder, ".."), 0o755);
			await run("migrate", `sqlite:///${path}`);
			for (const owned of [folder, path]) chownSync(owned, unprivilegedUser, statSync(owned).gid);
			const copy = join(folder, "../orchestrator");
			await Bun.write(copy, Bun.file(program[0] ?? ""));
			chmodSync(copy, 0o755);
			const serve = () => runProgram(unprivileged([copy, "serve"]), { DATABASE_URL: `sqlite:///${path}` });
			chmodSync(path, 0o444);
			expect(await serve()).toEqual({
				code: 1,
				stdout: "",
				stderr: `orchestrator: The database ${path} cannot be used: it cannot be written to.\n`,
			});
			for (const rest of ["test.db-wal", "test.db-shm"])
				await Bun.file(join(folder, rest))
					.delete()
					.catch(() => {});
			chmodSync(path, 0o644);
			chmodSync(folder, 0o555);
			const { code, stderr } = await serve();
			chmodSync(folder, 0o755);
			expect(code).toBe(1);
			expect(stderr).toMatch(/^orchestrator: The database \S+ cannot be used: [^\n]*\.\n$/);
		},
	);
});

const server = await postgresUrl();
const secret = "hunter2hunter2";

/** The server's URL with one part replaced, and a password that must not be shown. */
function otherUrl(parts: Partial<Record<"username" | "password" | "port" | "pathname", string>>): string {
	return Object.assign(new URL(server ?? "postgres://127.0.0.1"), { password: secret }, parts).href;
}

/** Whether the server checks passwords: some test servers trust everybody. */
async function asksForPassword(): Promise<boolean> {
	if (server === undefined) return false;
	const sql = postgres(otherUrl({}), { max: 1 });
	try {
		await sql`SELECT 1`;
		return false;
	} catch {
		return true;
	} finally {
		await sql.end();
	}
}

const asks = await asksForPassword();

describe.skipIf(server === undefined)("a Postgres that cannot be used", () => {
	async function refusedBy(url: string, reason: string): Promise<void> {
		const { host, pathname } = new URL(url);
		await errorResponse(url, `Postgres at ${host}${pathname} cannot be used: ${reason}.`);
	}

	test.if(asks)("because the password is wrong", async () => {
		await refusedBy(otherUrl({}), "the password is wrong");
	});

	test("because the user may not log in", async () => {
		const role = `test_${crypto.randomUUID().replaceAll("-", "")}`;
		await tamper(server ?? "", `CREATE ROLE ${role} NOLOGIN PASSWORD '${secret}'`);
		try {
			await refusedBy(otherUrl({ username: role }), "this user may not log in");
		} finally {
			await tamper(server ?? "", `DROP ROLE ${role}`);
		}
	});

	test("because the database is missing", async () => {
		const { password } = new URL(server ?? "");
		await refusedBy(otherUrl({ pathname: "/no_such_database", password }), "there is no such database");
	});

	test("because nothing listens", async () => {
		await refusedBy(otherUrl({ port: String(freePort()) }), "nothing listens there");
	});
});

test("with a database in memory every command has its own", async () => {
	expect(everyDatabase.map(({ name }) => name)).toContain("SQLite in memory");
	expect(await run("migrate", "sqlite://:memory:")).toMatchObject({ code: 0, stderr: "" });
});
