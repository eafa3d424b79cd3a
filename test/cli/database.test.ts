import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { binary } from "../support/binary.ts";
import { durableDatabases, everyDatabase, newFolder } from "../support/databases.ts";
import { freePort } from "../support/ports.ts";
import { newPostgresDatabase, postgresUrl } from "../support/postgres.ts";
import { runProgram } from "../support/process.ts";
import { onEnd } from "../support/teardown.ts";
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
		const { code, stdout, stderr } = await run(word, url);
		// A server logs meanwhile that it waits for a free connection.
		const printed = stdout.split("\n").filter((line) => !line.includes("takes no more connections"));
		expect({ code, printed, stderr }).toEqual({
			code: 1,
			printed: [""],
			stderr: `orchestrator: ${sentence}\n`,
		});
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
function otherUrl(
	parts: Partial<Record<"username" | "password" | "hostname" | "port" | "pathname", string>>,
): string {
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
	const own = server ?? "";

	async function refusedBy(url: string, reason: string): Promise<void> {
		const { hostname, port, pathname } = new URL(url);
		await errorResponse(url, `Postgres at ${hostname}:${port || 5432}${pathname} cannot be used: ${reason}.`);
	}

	/** A database, and a role whose password is `secret`; the role is removed at the end. */
	async function newRole(): Promise<{ role: string; database: string; url: string; asAdmin: string }> {
		const asAdmin = await newPostgresDatabase(own);
		const { pathname } = new URL(asAdmin);
		const database = pathname.slice(1);
		const role = `role_${crypto.randomUUID().replaceAll("-", "")}`;
		await tamper(own, `CREATE ROLE ${role} LOGIN PASSWORD '${secret}'`);
		onEnd(async () => {
			await tamper(asAdmin, `DROP OWNED BY ${role}`);
			await tamper(own, `DROP ROLE ${role}`);
		});
		return { role, database, url: otherUrl({ username: role, pathname }), asAdmin };
	}

	test.if(asks)("because the password is wrong, or missing", async () => {
		const { username } = new URL(own);
		await refusedBy(
			otherUrl({}),
			`the password is wrong for the role ${username}, or there is no such role: correct DATABASE_URL, or set the password by ALTER ROLE ${username} PASSWORD '…'`,
		);
		await refusedBy(
			otherUrl({ password: "" }),
			`the server asks for the password of the role ${username}: write it into DATABASE_URL, as postgres://user:password@…`,
		);
	});

	test("because the password has been changed", async () => {
		const { role, url } = await newRole();
		await tamper(own, `ALTER ROLE ${role} PASSWORD 'another'`);
		if (asks)
			await refusedBy(
				url,
				`the password is wrong for the role ${role}, or there is no such role: correct DATABASE_URL, or set the password by ALTER ROLE ${role} PASSWORD '…'`,
			);
	});

	test("because the role may not log in", async () => {
		const { role, url } = await newRole();
		await tamper(own, `ALTER ROLE ${role} NOLOGIN`);
		await refusedBy(
			url,
			`the role ${role} does not exist or may not log in: CREATE ROLE ${role} LOGIN, or ALTER ROLE ${role} LOGIN`,
		);
	});

	test("because the role may not create tables", async () => {
		const { role, url, asAdmin } = await newRole();
		await tamper(asAdmin, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
		const reason = `the role ${role} may not create or change the program's tables: GRANT USAGE, CREATE ON SCHEMA public TO ${role}, and make it the owner of those that another role has created`;
		await refusedBy(url, reason);
		await tamper(asAdmin, `GRANT USAGE, CREATE ON SCHEMA public TO ${role}`);
		expect(await run("migrate", url)).toMatchObject({ code: 0 });
	});

	test("because another role owns the tables", async () => {
		const { role, url, asAdmin } = await newRole();
		await run("migrate", asAdmin);
		await refusedBy(
			url,
			`the role ${role} may not create or change the program's tables: GRANT USAGE, CREATE ON SCHEMA public TO ${role}, and make it the owner of those that another role has created`,
		);
	});

	test("because the role may not connect to the database", async () => {
		const { role, database, url, asAdmin } = await newRole();
		await tamper(asAdmin, `REVOKE CONNECT ON DATABASE ${database} FROM PUBLIC`);
		await refusedBy(
			url,
			`the role ${role} may not connect to the database ${database}: GRANT CONNECT ON DATABASE ${database} TO ${role}`,
		);
	});

	test("because another program has tables of the same names", async () => {
		const { asAdmin } = await newRole();
		await tamper(asAdmin, "CREATE TABLE users (name text)");
		await refusedBy(
			asAdmin,
			"it has tables, of other programs, with names that this program uses: give this program a database of its own",
		);
	});

	test("because the search_path names no schema", async () => {
		const { role, url, asAdmin } = await newRole();
		await tamper(asAdmin, `ALTER ROLE ${role} SET search_path TO nowhere`);
		await refusedBy(
			url,
			`the search_path of the role ${role} names no schema that exists: create the schema, or ALTER ROLE ${role} SET search_path TO public`,
		);
	});

	test("because it has too many connections", async () => {
		const { role, url } = await newRole();
		await tamper(own, `ALTER ROLE ${role} CONNECTION LIMIT 0`);
		await refusedBy(
			url,
			"it has too many connections already: raise its max_connections, or the limit of the role or of the database, or lower DATABASE_POOL",
		);
	});

	test("because the database takes no connections", async () => {
		const { database, url } = await newRole();
		await tamper(own, `ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
		await refusedBy(
			url,
			`the database ${database} takes no connections: ALTER DATABASE ${database} ALLOW_CONNECTIONS true`,
		);
		await tamper(own, `ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
	});

	test("because the role's transactions are read-only", async () => {
		const { role, url, asAdmin } = await newRole();
		await tamper(asAdmin, `ALTER ROLE ${role} SET default_transaction_read_only TO on`);
		await refusedBy(
			url,
			"it is a standby or read-only, and takes no writes: name the primary in DATABASE_URL",
		);
	});

	test("because the database is missing", async () => {
		const { username, password } = new URL(own);
		await refusedBy(
			otherUrl({ pathname: "/no_such_database", password }),
			`there is no database no_such_database: CREATE DATABASE no_such_database OWNER ${username}, or correct DATABASE_URL`,
		);
	});

	test("because nothing listens", async () => {
		await refusedBy(
			otherUrl({ port: String(freePort()) }),
			"nothing listens there: check host and port, and that the server runs",
		);
	});

	test("because there is no such host", async () => {
		const { code, stderr } = await run("migrate", otherUrl({ hostname: "no-such-host.invalid" }));
		expect(code).toBe(1);
		expect(stderr).toMatch(
			/^orchestrator: Postgres at no-such-host\.invalid:\d+\/\w+ cannot be used: (there is no host of this name|the host's name cannot be looked up): [^\n]*\.\n$/,
		);
	});
});

test.each([
	[
		"postgres://app:/S3cret@h/db",
		"has an @ where no user or password can end: in these, write %40 for @, %2F for /, %3F for ? and %23 for #",
	],
	[
		"postgres://app:S3cret%@h/db",
		"has a % in its password without two hexadecimal digits after it: write %25 for %",
	],
	[
		"postgres://app:S3cret@h/db?channel_binding=require",
		"has channel_binding, which is not supported: use sslmode=verify-full, which proves by its certificate who the server is",
	],
])("%s is a fault of the environment: exit code 2, no stack, no secret", async (url, fault) => {
	for (const command of [["migrate"], ["serve"], ["backup", "file"], ["user", "list"]]) {
		expect(await runProgram([...program, ...command], { DATABASE_URL: url })).toEqual({
			code: 2,
			stdout: "",
			stderr: `The environment has a fault.\n  DATABASE_URL ${fault}\n`,
		});
	}
});

test("with a database in memory every command has its own", async () => {
	expect(everyDatabase.map(({ name }) => name)).toContain("SQLite in memory");
	expect(await run("migrate", "sqlite://:memory:")).toMatchObject({ code: 0, stderr: "" });
});
