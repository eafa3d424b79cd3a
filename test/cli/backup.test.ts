import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder } from "../support/databases.ts";
import { openTail } from "../support/events.ts";
import { fromSource, runProgram, type ServerProcess, startProcess } from "../support/process.ts";
import { addToken } from "../support/tokens.ts";
import { logIn } from "../support/users.ts";

const email = "ada@example.com";
const password = "correct horse battery";
const secret = "x".repeat(32);
const key = { "x-api-key": "backup-key-0123456789" };

function url(path: string): string {
	return `sqlite:///${path}`;
}

interface Server extends ServerProcess {
	readonly authorization: string;
}

/** A server in its own process: only the end of the process surely closes its database. */
async function serve(path: string): Promise<Server> {
	const server = await startProcess(fromSource, {
		DATABASE_URL: url(path),
		DEV_USER_EMAIL: email,
		DEV_USER_PASSWORD: password,
		JWT_SECRET: secret,
		API_KEYS: key["x-api-key"],
		LOG_LEVEL: "error",
	});
	return { ...server, authorization: await logIn(server.url, email, password) };
}

interface Asked {
	readonly headers?: Record<string, string>;
	readonly body?: unknown;
}

async function ask(server: Server, line: `${string} /${string}`, { headers = {}, body }: Asked = {}) {
	const [method = "GET", path] = line.split(" ");
	const response = await fetch(`${server.url}${path}`, {
		method,
		headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	return { status: response.status, headers: response.headers, json: (await response.json()) as unknown };
}

function program(path: string, ...words: readonly string[]) {
	return runProgram([...fromSource, ...words], { DATABASE_URL: url(path) });
}

async function succeed(path: string, ...words: readonly string[]): Promise<void> {
	expect(await program(path, ...words)).toMatchObject({ code: 0, stderr: "" });
}

/** Runs a command that must fail; returns its error line. */
async function failure(path: string, ...words: readonly string[]): Promise<string> {
	const { code, stdout, stderr } = await program(path, ...words);
	expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
	expect(stderr).toMatch(/^orchestrator: [^\n]+\n$/);
	return stderr;
}

async function create(server: Server, title: string): Promise<string> {
	const { authorization } = server;
	const { status, json } = await ask(server, "POST /collab/tasks", {
		headers: { authorization },
		body: { title },
	});
	expect(status).toBe(200);
	return (json as { id: string }).id;
}

async function listEnd(server: Server): Promise<string> {
	const { headers } = await ask(server, "GET /collab/state/tasks");
	return headers.get("x-event-id") ?? "";
}

/** The status for a client that continues from a number, on the stream and on the list. */
async function resumeFrom(server: Server, id: string): Promise<readonly [number, number]> {
	const tail = await ask(server, `GET /events/tail?last_event_id=${id}`);
	const list = await ask(server, `GET /events?after=${id}`);
	return [tail.status, list.status];
}

interface BackedUp {
	readonly path: string;
	readonly file: string;
	readonly folder: string;
}

let original: Promise<BackedUp> | undefined;

/** A database with two tasks, and its backup, in a new folder. */
async function backedUp(): Promise<BackedUp> {
	original ??= makeAndBackUp();
	const { path, file } = await original;
	const mine = inFolder(newFolder());
	copyFileSync(path, mine.path);
	copyFileSync(file, mine.file);
	return mine;
}

async function makeAndBackUp(): Promise<BackedUp> {
	const made = inFolder(newFolder());
	const server = await serve(made.path);
	await create(server, "one");
	await create(server, "two");
	await server.end("SIGTERM");
	await succeed(made.path, "backup", made.file);
	return made;
}

function inFolder(folder: string): BackedUp {
	return { path: join(folder, "a.db"), file: join(folder, "a.backup"), folder };
}

function titles(path: string): readonly string[] {
	const database = new Database(path);
	const rows = database.query<{ title: string }, []>("SELECT title FROM tasks ORDER BY seq").all();
	database.close();
	return rows.map(({ title }) => title);
}

describe("a backup while a server is written to", () => {
	test("has everything that was acknowledged before, each with its event, and a log without a gap", async () => {
		const folder = newFolder();
		const [path, file] = [join(folder, "a.db"), join(folder, "a.backup")];
		const server = await serve(path);
		const acknowledged: string[] = [];
		const warm = Promise.withResolvers<void>();
		let isDone = false;
		const writers = Array.from({ length: 8 }, async (_, writer) => {
			for (let count = 0; !isDone; count++) {
				acknowledged.push(await create(server, `${writer} ${count}`));
				if (acknowledged.length === 100) warm.resolve();
			}
		});
		await warm.promise;
		const before = [...acknowledged];
		await succeed(path, "backup", file);
		const after = acknowledged.length;
		isDone = true;
		await Promise.all(writers);
		expect(after).toBeGreaterThan(before.length);

		const copy = new Database(file, { readonly: true });
		const kept = copy.query<{ id: string }, []>("SELECT id FROM tasks ORDER BY seq").all();
		const events = copy
			.query<{ id: number; subject: string }, []>("SELECT id, subject FROM events ORDER BY id")
			.all();
		const head = copy.query<{ rev: number }, []>("SELECT rev FROM log_head").get();
		copy.close();
		const ids = new Set(kept.map(({ id }) => id));
		expect(before.filter((id) => !ids.has(id))).toEqual([]);
		expect(events.map(({ id }) => id)).toEqual(
			Array.from({ length: head?.rev ?? 0 }, (_, index) => index + 1),
		);
		expect(events.map(({ subject }) => subject)).toEqual(kept.map(({ id }) => `/collab/tasks/${id}`));

		const restored = join(folder, "b.db");
		await succeed(restored, "restore", file);
		const second = await serve(restored);
		const listed = await ask(second, "GET /collab/state/tasks?limit=1000&order=asc");
		expect((listed.json as { items: { id: string }[] }).items.map(({ id }) => id)).toEqual(
			kept.slice(0, 1000).map(({ id }) => id),
		);
	});

	test("is readable only by its owner, and leaves no other file", async () => {
		const { file, folder } = await makeAndBackUp();
		expect(statSync(file).mode & 0o777).toBe(0o600);
		expect(readdirSync(folder).sort()).toEqual(["a.backup", "a.db"]);
	});
});

describe("after a restore", () => {
	test("a number from before is 410, and a client that lists again continues from there", async () => {
		const { path, file } = await backedUp();
		const first = await serve(path);
		await create(first, "lost");
		expect(await listEnd(first)).toBe("3");
		await first.end("SIGTERM");
		await succeed(path, "restore", file, "--force");

		const second = await serve(path);
		for (const id of ["1", "2", "3"]) expect(await resumeFrom(second, id)).toEqual([410, 410]);
		expect(titles(path)).toEqual(["one", "two"]);
		const end = await listEnd(second);
		const tail = await openTail(second.url, "", { "last-event-id": end });
		await create(second, "new");
		expect(await tail.next()).toMatchObject({ id: Number(end) + 1, event: { data: { title: "new" } } });
		tail.close();
		const whole = await openTail(second.url, "?last_event_id=0");
		expect((await whole.next()).event.data.title).toBe("new");
		whole.close();
		expect(titles(path)).toEqual(["one", "two", "new"]);
	});

	test("no number of one epoch is valid in another, whichever came first", async () => {
		const { path, file, folder } = await backedUp();
		const servers = [await serve(path)];
		for (const name of ["b.db", "c.db"]) {
			const other = join(folder, name);
			await succeed(other, "restore", file);
			servers.push(await serve(other));
		}
		for (const server of servers) await create(server, "of its own");
		for (const from of servers) {
			const id = await listEnd(from);
			for (const to of servers) {
				const [tail, list] = to === from ? [200, 200] : await resumeFrom(to, id);
				expect(to === from || (tail === 410 && list === 410) || (tail === 422 && list === 422)).toBe(true);
			}
		}
		const [original, second] = servers;
		if (original === undefined || second === undefined) throw new Error("there are three");
		expect(await resumeFrom(original, await listEnd(second))).toEqual([410, 410]);
		expect(await resumeFrom(second, await listEnd(original))).toEqual([410, 410]);
	});

	test("an epoch begins after the one that it replaces, even if the clock was set back", async () => {
		const { path, file } = await backedUp();
		const far = Date.now() * 256 + 1e12;
		const replaced = new Database(path);
		replaced.run("UPDATE log_head SET rev = ?", [far]);
		replaced.close();
		await succeed(path, "restore", file, "--force");
		const server = await serve(path);
		expect(Number(await listEnd(server))).toBeGreaterThan(far);
		expect(await resumeFrom(server, String(far))).toEqual([410, 410]);
	});

	test("no fence and no login from before is valid", async () => {
		const folder = newFolder();
		const [path, file] = [join(folder, "a.db"), join(folder, "a.backup")];
		const first = await serve(path);
		await ask(first, "POST /jobs", { headers: key, body: { kind: "k" } });
		const request = { headers: key, body: { worker: "w", lease_seconds: 1 } };
		const leased = await ask(first, "POST /jobs/lease", request);
		const { id, lease } = (leased.json as { items: { id: string; lease: { fence: number } }[] }).items[0] ?? {
			id: "",
			lease: { fence: 0 },
		};
		await succeed(path, "backup", file);
		await first.end("SIGTERM");
		await succeed(path, "restore", file, "--force");

		const second = await serve(path);
		const late = await ask(second, `POST /jobs/${id}/complete`, {
			headers: key,
			body: { fence: lease.fence },
		});
		expect([late.status, (late.json as { type: string }).type]).toEqual([409, "lease_lost"]);
		const again = await ask(second, "POST /jobs/lease", {
			headers: key,
			body: { worker: "v", wait_seconds: 30 },
		});
		const next = (again.json as { items: { id: string; lease: { fence: number } }[] }).items[0];
		expect(next?.id).toBe(id);
		expect(next?.lease.fence).toBeGreaterThan(lease.fence + 1000);
		const done = await ask(second, `POST /jobs/${id}/complete`, {
			headers: key,
			body: { fence: next?.lease.fence },
		});
		expect(done.status).toBe(200);
		expect(
			(await ask(second, "GET /auth/me", { headers: { authorization: first.authorization } })).status,
		).toBe(401);
		const authorization = await logIn(second.url, email, password);
		expect((await ask(second, "GET /auth/me", { headers: { authorization } })).status).toBe(200);
	});

	test("the access tokens of the copy are valid, those that were removed since too, and no later ones", async () => {
		const folder = newFolder();
		const [path, file] = [join(folder, "a.db"), join(folder, "a.backup")];
		const first = await serve(path);
		const { authorization } = first;
		const [kept, removed] = [await addToken(first), await addToken(first)];
		await succeed(path, "backup", file);
		const later = await addToken(first);
		const answer = await fetch(`${first.url}/auth/tokens/${removed.id}`, {
			method: "DELETE",
			headers: { authorization },
		});
		expect(answer.status).toBe(204);
		await first.end("SIGTERM");
		await succeed(path, "restore", file, "--force");

		const second = await serve(path);
		for (const [{ token }, status] of [
			[kept, 200],
			[removed, 200],
			[later, 401],
		] as const) {
			const headers = { authorization: `Bearer ${token}` };
			expect((await ask(second, "GET /auth/me", { headers })).status).toBe(status);
		}
	});

	test("a restart keeps the epoch", async () => {
		const { path, file } = await backedUp();
		await succeed(path, "restore", file, "--force");
		const first = await serve(path);
		const end = await listEnd(first);
		await first.end("SIGTERM");
		const second = await serve(path);
		expect(await listEnd(second)).toBe(end);
		expect((await ask(second, `GET /events?after=${end}`)).status).toBe(200);
	});

	test("a backup that was copied into place by hand begins an epoch too", async () => {
		const { file, folder } = await backedUp();
		const byHand = join(folder, "by-hand.db");
		copyFileSync(file, byHand);
		const server = await serve(byHand);
		expect(await resumeFrom(server, "2")).toEqual([410, 410]);
	});
});

describe("a restore replaces", () => {
	test("nothing without --force", async () => {
		const { path, file } = await backedUp();
		const before = readFileSync(path);
		expect(await failure(path, "restore", file)).toContain("--force");
		expect(readFileSync(path)).toEqual(before);
	});

	test("nothing that a server has open, even if it is idle", async () => {
		const { path, file } = await backedUp();
		const server = await serve(path);
		await create(server, "three");
		expect(await failure(path, "restore", file, "--force")).toContain("stop it first");
		await create(server, "four");
		await server.end("SIGTERM");
		expect(titles(path)).toEqual(["one", "two", "three", "four"]);
		await succeed(path, "restore", file, "--force");
		expect(titles(path)).toEqual(["one", "two"]);
	});

	test("the database of a killed server with its WAL, and replays none of it", async () => {
		const { path, file, folder } = await backedUp();
		const server = await serve(path);
		await create(server, "left behind");
		await server.end("SIGKILL");
		expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
		await succeed(path, "restore", file, "--force");
		expect(readdirSync(folder).sort()).toEqual(["a.backup", "a.db"]);
		expect(titles(path)).toEqual(["one", "two"]);
	});

	test("a damaged database, and a file that is not a database", async () => {
		const { path, file } = await backedUp();
		writeFileSync(path, "no database");
		writeFileSync(`${path}-wal`, "of another");
		await succeed(path, "restore", file, "--force");
		expect(titles(path)).toEqual(["one", "two"]);
	});

	test("a file that others could read by one that only its owner can", async () => {
		const { path, file } = await backedUp();
		for (const mode of [0o644, 0o660, 0o600]) {
			chmodSync(path, mode);
			await succeed(path, "restore", file, "--force");
			expect(statSync(path).mode & 0o777).toBe(0o600);
		}
	});
});

describe("a restore fails, and leaves the database unchanged, for", () => {
	const unfit: readonly (readonly [string, string, (file: string) => void])[] = [
		[
			"a file that is not a database",
			"not a SQLite database",
			(file) => writeFileSync(file, "x".repeat(5000)),
		],
		["an empty file", "not a database of this program", (file) => writeFileSync(file, "")],
		[
			"another program's database",
			"not a database of this program",
			(file) => {
				writeFileSync(file, "");
				run(file, "CREATE TABLE log_head (x)");
			},
		],
		[
			"a damaged database",
			"damaged",
			(file) => {
				const bytes = readFileSync(file);
				bytes.fill(0xff, 4096 * 2, 4096 * 12);
				writeFileSync(file, bytes);
			},
		],
		[
			"a database that a newer program has migrated",
			"9999_later",
			(file) => run(file, "INSERT INTO schema_migrations VALUES ('9999_later', 'hash', 0)"),
		],
	];

	test.each([...unfit])("%s", async (_name, reason, spoil) => {
		const { path, file, folder } = await backedUp();
		spoil(file);
		expect(await failure(path, "restore", file, "--force")).toContain(reason);
		expect(titles(path)).toEqual(["one", "two"]);
		expect(readdirSync(folder).sort()).toEqual(["a.backup", "a.db"]);
	});

	test("a missing file, the database itself, and a database in memory", async () => {
		const { path, file, folder } = await backedUp();
		expect(await failure(path, "restore", join(folder, "none"))).toContain("There is no file");
		expect(await failure(path, "restore", path, "--force")).toContain("the database itself");
		const memory = await runProgram([...fromSource, "restore", file], { DATABASE_URL: "sqlite://:memory:" });
		expect([memory.code, memory.stderr]).toEqual([1, expect.stringContaining("memory")]);
	});
});

describe("a backup fails for", () => {
	test("an existing file, whatever it is", async () => {
		const { path, file } = await backedUp();
		const before = readFileSync(file);
		expect(await failure(path, "backup", file)).toContain("there already");
		expect(readFileSync(file)).toEqual(before);
	});

	test("a database that is missing, in memory or damaged", async () => {
		const { path, folder } = await backedUp();
		const [none, out] = [join(folder, "none.db"), join(folder, "out")];
		expect(await failure(none, "backup", out)).toContain("There is no file");
		const memory = await runProgram([...fromSource, "backup", out], { DATABASE_URL: "sqlite://:memory:" });
		expect([memory.code, memory.stderr]).toEqual([1, expect.stringContaining("memory")]);
		const bytes = readFileSync(path);
		bytes.fill(0xff, 4096 * 2, 4096 * 12);
		writeFileSync(path, bytes);
		expect(await failure(path, "backup", out)).toContain("damaged");
		expect(readdirSync(folder).sort()).toEqual(["a.backup", "a.db"]);
	});

	test("a missing folder", async () => {
		const { path, folder } = await backedUp();
		expect(await failure(path, "backup", join(folder, "no", "such"))).toContain("cannot be");
	});
});

function run(path: string, statement: string): void {
	const database = new Database(path);
	database.run(statement);
	database.close();
}
