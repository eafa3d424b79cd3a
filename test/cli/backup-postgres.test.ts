import { describe, expect, test } from "bun:test";
import postgres from "postgres";
import { newEpoch } from "../../src/storage/log-epoch.ts";
import { ask } from "../support/ask.ts";
import { newFolder } from "../support/databases.ts";
import { newPostgresDatabase, postgresUrl } from "../support/postgres.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { startServer, type TestServer } from "../support/server.ts";

const given = {
	DATABASE_URL: "postgres://ada:top%20secret@db.example.com:5433/plans?sslmode=require&password=x",
};

describe("on Postgres, without a running server", () => {
	test("a backup prints the pg_dump to run, without the password", async () => {
		expect(await runProgram([...fromSource, "backup", "it's a.dump"], given)).toEqual({
			code: 1,
			stdout: "",
			stderr:
				"orchestrator: Postgres makes its backups itself: pg_dump --format=custom --file='it'\\''s a.dump' 'postgres://ada@db.example.com:5433/plans?sslmode=require'\n",
		});
	});

	test("a restore prints the pg_restore to run, without the password", async () => {
		expect(await runProgram([...fromSource, "restore", "--force", "a.dump"], given)).toEqual({
			code: 1,
			stdout: "",
			stderr:
				"orchestrator: Postgres restores its backups itself; stop every server of this database, then: pg_restore --clean --if-exists --no-owner --single-transaction --dbname='postgres://ada@db.example.com:5433/plans?sslmode=require' a.dump\n",
		});
	});
});

const server = await postgresUrl();
/** Whether pg_dump is here and works with this server: the versions must match. */
const tools = server !== undefined && Bun.which("pg_dump") !== null && (await dumps(server));

async function dumps(url: string): Promise<boolean> {
	return (await Bun.spawn(["pg_dump", "--schema-only", "--file=/dev/null", url]).exited) === 0;
}

async function create(server: TestServer, title: string): Promise<void> {
	const { status } = await ask(server, "POST /collab/tasks", {
		headers: { authorization: server.bearer },
		body: { title },
	});
	expect(status).toBe(200);
}

async function listEnd(server: TestServer): Promise<string> {
	return (await ask(server, "GET /collab/state/tasks")).headers.get("x-event-id") ?? "";
}

async function resumeFrom(server: TestServer, id: string): Promise<readonly [number, number]> {
	const tail = await ask(server, `GET /events/tail?last_event_id=${id}`);
	const list = await ask(server, `GET /events?after=${id}`);
	return [tail.status, list.status];
}

/** Expects a new epoch in a copy of a database whose tasks are `one` and `two`. */
async function expectNewEpoch(databaseUrl: string, formerBearer: string): Promise<void> {
	const copy = await startServer({ DATABASE_URL: databaseUrl, JWT_SECRET: "x".repeat(32) });
	for (const id of ["1", "2"]) expect(await resumeFrom(copy, id)).toEqual([410, 410]);
	const me = await ask(copy, "GET /auth/me", { headers: { authorization: formerBearer } });
	expect(me.status).toBe(401);
	const end = await listEnd(copy);
	await create(copy, "three");
	const after = await ask(copy, `GET /events?after=${end}`);
	expect(after.json).toMatchObject({ items: [{ id: String(Number(end) + 1), data: { title: "three" } }] });
	const listed = await ask(copy, "GET /collab/state/tasks?order=asc");
	expect(listed.json).toMatchObject({ items: [{ title: "one" }, { title: "two" }, { title: "three" }] });
	await copy.stop();
	const again = await startServer({ DATABASE_URL: databaseUrl });
	expect(await listEnd(again)).toBe(String(Number(end) + 1));
	expect(await resumeFrom(again, String(Number(end) + 2))).toEqual([422, 422]);
	await again.stop();
}

async function withTwoTasks(databaseUrl: string): Promise<string> {
	const first = await startServer({ DATABASE_URL: databaseUrl, JWT_SECRET: "x".repeat(32) });
	await create(first, "one");
	await create(first, "two");
	await first.stop();
	const second = await startServer({ DATABASE_URL: databaseUrl });
	expect((await ask(second, "GET /events?after=1")).json).toMatchObject({ items: [{ id: "2" }] });
	await second.stop();
	return first.bearer;
}

describe.if(server !== undefined)("a Postgres database that was made from another", () => {
	test("as a copy begins a new epoch of its log", async () => {
		const [from, to] = [await newPostgresDatabase(server ?? ""), await newPostgresDatabase(server ?? "")];
		const bearer = await withTwoTasks(from);
		const sql = postgres(server ?? "", { max: 1, onnotice() {} });
		const [name, source] = [to, from].map((url) => new URL(url).pathname.slice(1));
		await sql.unsafe(`DROP DATABASE ${name}`);
		await sql.unsafe(`CREATE DATABASE ${name} TEMPLATE ${source}`);
		await sql.end();
		await expectNewEpoch(to, bearer);
	});

	test.if(tools)("by pg_dump and pg_restore into itself begins a new epoch of its log", async () => {
		const url = await newPostgresDatabase(server ?? "");
		const bearer = await withTwoTasks(url);
		const file = `${newFolder()}/a.dump`;
		const dump = ["pg_dump", "--format=custom", `--file=${file}`, url];
		expect(await Bun.spawn(dump).exited).toBe(0);
		const later = await startServer({ DATABASE_URL: url });
		await create(later, "lost");
		await later.stop();
		const restore = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction"];
		expect(await Bun.spawn([...restore, `--dbname=${url}`, file]).exited).toBe(0);
		await expectNewEpoch(url, bearer);
	});
});

describe("the first number of a new epoch", () => {
	const now = Date.UTC(2026, 10, 23);

	test("is beyond every number of earlier epochs, and beyond the last one's end", () => {
		const first = newEpoch(1000, now);
		expect(newEpoch(1000, now + 1).rev).toBeGreaterThan(first.rev);
		expect(newEpoch(first.rev + 5000, now + 60_000).rev).toBeGreaterThan(first.rev + 5000);
		expect(newEpoch(first.rev + 5000, now - 86_400_000).rev).toBeGreaterThan(first.rev + 5000 + 2 ** 19);
	});

	test("leaves room: numbers and generations have at most 15 digits until 2093", () => {
		const late = newEpoch(0, Date.UTC(2092, 11, 31));
		expect(late.rev).toBeLessThan(1e15);
		expect(late.tokenGenerationMin).toBeLessThan(1e15);
	});
});
