import { describe, expect, test } from "bun:test";
import postgres from "postgres";
import { readConfig } from "../../src/config.ts";
import { cloudEvent } from "../../src/events/cloud-event.ts";
import { represent } from "../../src/kernel/canonical.ts";
import { eventTypes } from "../../src/kernel/event-draft.ts";
import { newId } from "../../src/kernel/ids.ts";
import { openStorage } from "../../src/storage/open.ts";
import { lockKey } from "../../src/storage/postgres/migrate.ts";
import { defaultRank } from "../../src/tasks/fields.ts";
import { ask } from "../support/ask.ts";
import { systemContext } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { applyUpTo, known } from "../support/migrations.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { silentLog, startServer } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { openTestStorage } from "../support/storage.ts";
import { expectConsistent } from "../support/tasks.ts";
import { logIn, testEmail, testPassword } from "../support/users.ts";

/** A statement that records an idempotent outcome as of now. */
function recordOf(scope: string, key: string, body: string): string {
	const quoted = body.replaceAll("'", "''");
	return `INSERT INTO idempotency VALUES ('${scope}', '${key}', 'h', '${quoted}', ${Date.now()})`;
}

const migrate = (url: string) => runProgram([...fromSource, "migrate"], { DATABASE_URL: url });
const log = await silentLog();

describe.each([...durableDatabases])("migrations on $name", ({ newUrl }) => {
	test("when ten processes migrate at once, each migration is applied once", async () => {
		const url = await newUrl();
		const runs = await Promise.all(Array.from({ length: 10 }, () => migrate(url)));
		for (const { code, stderr } of runs) expect([code, stderr]).toEqual([0, ""]);
		const applied = runs.flatMap(({ stdout }) =>
			[...stdout.matchAll(/^applied (\S+)$/gm)].map(([, name]) => name),
		);
		expect(applied.sort()).toEqual([...known(url)]);
		const rows = await runSql(url, "SELECT name FROM schema_migrations ORDER BY name");
		expect(rows.map(({ name }) => String(name))).toEqual([...known(url)]);
	}, 60_000);

	test("a second run does nothing and says so", async () => {
		const url = await newUrl();
		await migrate(url);
		const before = await runSql(url, "SELECT * FROM schema_migrations ORDER BY name");
		const { code, stdout } = await migrate(url);
		expect([code, stdout]).toEqual([0, "The schema is up to date; nothing was to be done.\n"]);
		expect(await runSql(url, "SELECT * FROM schema_migrations ORDER BY name")).toEqual([...before]);
	}, 60_000);

	test("a database newer than the program is rejected with one line, and left unchanged", async () => {
		const url = await newUrl();
		await migrate(url);
		await runSql(url, "INSERT INTO schema_migrations (name, hash, applied_at) VALUES ('9999_later', 'x', 0)");
		for (const command of ["migrate", "serve"]) {
			const { code, stdout, stderr } = await runProgram([...fromSource, command], {
				DATABASE_URL: url,
				PORT: "0",
			});
			expect([command, code, stdout]).toEqual([command, 1, ""]);
			expect(stderr).toMatch(
				/^orchestrator: The database is newer than this program: [^\n]*9999_later[^\n]*\n$/,
			);
		}
		expect(await runSql(url, "SELECT * FROM schema_migrations")).toHaveLength(known(url).length + 1);
	}, 60_000);

	test("a migration that differs from this program's is rejected with one line", async () => {
		const url = await newUrl();
		await migrate(url);
		const [first] = known(url);
		await runSql(url, `UPDATE schema_migrations SET hash = 'other' WHERE name = '${first}'`);
		const { code, stderr } = await migrate(url);
		expect([code, stderr]).toEqual([
			1,
			`orchestrator: The migration ${first} in the database is not this program's.\n`,
		]);
	}, 60_000);

	test("a migration that fails leaves nothing, and a retry succeeds", async () => {
		const url = await newUrl();
		// One of our tables exists already: the database belongs to another program.
		await runSql(url, "CREATE TABLE idempotency (x text)");
		const { code, stderr } = await migrate(url);
		expect(code).toBe(1);
		expect(stderr.trim().split("\n")).toHaveLength(1);
		const tables = url.startsWith("postgres")
			? "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
			: "SELECT name FROM sqlite_master WHERE type = 'table'";
		expect((await runSql(url, tables)).map(({ name }) => name)).toEqual(["idempotency"]);
		await runSql(url, "DROP TABLE idempotency");
		expect((await migrate(url)).code).toBe(0);
	}, 60_000);

	test("the revisions and the recorded outcomes of the previous version are migrated", async () => {
		const url = await newUrl();
		await applyUpTo(url, "0001_jobs");
		const id = newId();
		const body = `{"description":"it's","id":"${id}","title":"a b","version":1}`;
		// Deeper than the JSON functions of either database can read.
		const deep = `${"[".repeat(30_000)}"'x' y"${"]".repeat(30_000)}`;
		const jobBody = `{"attempt":0,"id":"${id}","kind":"k 1","payload":${deep},"queue":"q","state":"queued"}`;
		for (const statement of [
			"UPDATE log_head SET rev = 7, tasks_rev = 5",
			recordOf("u POST /collab/tasks", "t", body),
			recordOf("key POST /jobs", "new", `new queued ${id} ${jobBody}`),
			recordOf("key POST /jobs", "old", `old scheduled ${id} ${jobBody}`),
		]) {
			await runSql(url, statement);
		}
		const { tasks, jobs } = await openTestStorage(url);
		expect(await tasks.revision(1)).toEqual({ rev: 7, tasksRev: 5 });
		const request = (scope: string, key: string) => ({ scope, key, requestHash: "h" });
		const change = { id: newId(), now: 1, context: systemContext };
		const idempotent = request("u POST /collab/tasks", "t");
		const created = await tasks.create({ ...change, author: "Ada", task: { title: "x" }, idempotent });
		expect(created).toEqual({ id, task: represent(body), replayed: true });
		for (const [key, isNew, state] of [
			["new", true, "queued"],
			["old", false, "scheduled"],
		] as const) {
			const draft = { kind: "k", payload: "1", queue: "q", priority: 0, maxAttempts: 1 };
			const job = { ...draft, runAt: undefined, uniqueKey: undefined };
			const enqueued = await jobs.enqueue({ ...change, job, idempotent: request("key POST /jobs", key) });
			expect(enqueued).toEqual({ id, space: 1, queue: "q", state, body: jobBody, isNew, replayed: true });
		}
	});

	test("the users of the previous version keep their tokens' generation and password, and have the default name", async () => {
		const url = await newUrl();
		await applyUpTo(url, "0002_revisions");
		const hash = await Bun.password.hash(testPassword, { algorithm: "argon2id", memoryCost: 1024 });
		const insert = (id: string, email: string) =>
			runSql(
				url,
				`INSERT INTO users (id, email, password_hash, token_generation, created_at)
					VALUES ('${id}', '${email}', '${hash}', 3, 1700000000123)`,
			);
		const [id, later] = [newId(), newId()];
		await insert(id, testEmail);
		const server = await startServer({ DATABASE_URL: url });
		const user = { id, passwordHash: hash, tokenGeneration: 3, createdAt: 1_700_000_000_123, name: null };
		expect(await server.storage.users.list()).toEqual([{ ...user, email: testEmail }]);
		const me = (authorization: string) => ask(server, "GET /auth/me", { headers: { authorization } });
		expect((await me(server.bearer)).json).toEqual({ email: testEmail, id, name: "ada" });
		// As a server of the previous version adds one, which still runs.
		await insert(later, "grace@example.com");
		const second = await me(await logIn(server.url, "grace@example.com"));
		expect(second.json).toEqual({ email: "grace@example.com", id: later, name: "grace" });
		const headers = { authorization: server.bearer };
		await ask(server, "PATCH /auth/me", { headers, body: { name: "Ada" } });
		expect((await me(server.bearer)).json).toEqual({ email: testEmail, id, name: "Ada" });
	});

	test("events of the previous version keep their bytes, and have no actor", async () => {
		const url = await newUrl();
		await applyUpTo(url, "0002_revisions");
		for (const statement of [
			`INSERT INTO events VALUES (1, 'task.created', '/collab/tasks/a', '{"id":"a"}', 'r', 1700000000000)`,
			"UPDATE log_head SET rev = 1",
		]) {
			await runSql(url, statement);
		}
		const { tasks, events } = await openTestStorage(url);
		await tasks.create({
			id: newId(),
			author: "Ada",
			task: { title: "x" },
			idempotent: undefined,
			now: 1,
			context: { actor: "user/u", requestId: "r", space: 1 },
		});
		const { rows } = await events.read({
			space: "every",
			after: 0,
			types: eventTypes,
			limit: 10,
			bytesMax: 1e6,
		});
		expect(rows.map(({ id, actor }) => [id, actor])).toEqual([
			[1, null],
			[2, "user/u"],
		]);
		expect(rows.slice(0, 1).map(cloudEvent)).toEqual([
			`{"data":{"id":"a"},"datacontenttype":"application/json","id":"1","requestid":"r","source":"/orchestrator","specversion":"1.0","subject":"/collab/tasks/a","time":"2023-11-14T22:13:20.000Z","type":"task.created"}`,
		]);
	});

	test("tasks of the version before have numbers in the order of their creation, and the defaults of all fields", async () => {
		const url = await newUrl();
		await applyUpTo(url, "0004_add-event-actor");
		const ids = Array.from({ length: 3 }, newId);
		const [first = "", second = "", third = ""] = ids;
		for (const statement of [
			// The third was changed after it, the second so long ago that its event is gone.
			`INSERT INTO tasks VALUES (4, '${first}', 'a', '', 1, 1000, 1000), (9, '${third}', 'c', 'd', 2, 3000, 4000),
				(7, '${second}', 'b', '', 3, 2000, 2500)`,
			`INSERT INTO events VALUES (9, 'task.created', '/collab/tasks/${third}', '{}', 'r', 3000, 'user/u'),
				(11, 'task.updated', '/collab/tasks/${third}', '{}', 'r', 4000, 'user/u')`,
			"UPDATE log_head SET rev = 12, purged_rev = 8",
		]) {
			await runSql(url, statement);
		}
		const { tasks } = await openTestStorage(url);
		const rows = await tasks.findAll(1, ids);
		expect(rows.map(({ number, seq, updatedSeq }) => [number, seq, updatedSeq])).toEqual([
			[1, 4, 4],
			[2, 7, 7],
			[3, 9, 11],
		]);
		expect(rows[2]).toEqual({
			...{ id: third, seq: 9, updatedSeq: 11, space: 1, number: 3, title: "c", description: "d", version: 2 },
			...{ status: "open", statusSince: 3000, priority: 0, rank: defaultRank(third), assignee: null },
			...{ claimedBy: null, createdBy: null, parent: null, blockedBy: "[]", openBlockers: 0, labels: "[]" },
			...{ metadata: "{}", note: null, dueAt: null, deferUntil: null, createdAt: 3000, updatedAt: 4000 },
			etag: null,
		});
		const change = { author: "Ada", idempotent: undefined, now: 5000, context: systemContext };
		const made = await tasks.create({ ...change, id: newId(), task: { title: "d", blocked_by: [first] } });
		expect(JSON.parse(made.task.body)).toMatchObject({ number: 4, blocked_by: [first] });
		await tasks.update({ ...change, id: first, ifMatch: "any", patch: { status: "done" } });
		expect(await tasks.findAll(1, [first])).toMatchObject([
			{ createdAt: 1000, statusSince: 5000, version: 2 },
		]);
		await expectConsistent(url);
	});

	test("what the previous version has is of default, whose owner is the oldest user, and its records replay", async () => {
		const url = await newUrl();
		await applyUpTo(url, "0004_add-event-actor");
		const hash = await Bun.password.hash(testPassword, { algorithm: "argon2id", memoryCost: 1024 });
		const [task, queued, ended, younger, oldest] = [newId(), newId(), newId(), newId(), newId()];
		const user = (id: string, email: string, createdAt: number) =>
			`INSERT INTO users (id, email, password_hash, token_generation, created_at)
				VALUES ('${id}', '${email}', '${hash}', 1, ${createdAt})`;
		const job = (
			id: string,
			state: string,
			key: string,
		) => `INSERT INTO jobs (id, queue, kind, payload, priority,
				state, attempt, max_attempts, fence, run_at, unique_key, created_at, updated_at)
			VALUES ('${id}', 'q', 'k', '1', 0, '${state}', 0, 5, 0, 1700000000000, '${key}', 1700000000000, 1700000000000)`;
		const event = (id: number, type: string, subject: string) =>
			`INSERT INTO events (id, type, subject, data, request_id, time, actor)
				VALUES (${id}, '${type}', '${subject}', '{"id":"x"}', 'r', ${Date.now()}, NULL)`;
		const body = `{"description":"","id":"${task}","title":"old","version":1}`;
		const requestHash = new Bun.CryptoHasher("sha256").update('{"title":"old"}').digest("hex");
		for (const statement of [
			user(younger, "grace@example.com", 1_700_000_002_000),
			user(oldest, testEmail, 1_700_000_001_000),
			`INSERT INTO tasks VALUES (1, '${task}', 'old', '', 1, 1700000000000, 1700000000000)`,
			job(queued, "queued", "u"),
			job(ended, "succeeded", "v"),
			"INSERT INTO job_counts (queue, cancelled, dead, leased, queued, scheduled, succeeded) VALUES ('q', 0, 0, 0, 1, 0, 1)",
			event(1, "task.created", `/collab/tasks/${task}`),
			event(2, "job.enqueued", `/jobs/${queued}`),
			"UPDATE log_head SET rev = 2",
			"UPDATE revisions SET rev = 1 WHERE collection = 'tasks'",
			recordOf(`${oldest} POST /collab/tasks`, "old-key", JSON.stringify({ id: task, body })).replace(
				"'h'",
				`'${requestHash}'`,
			),
		]) {
			await runSql(url, statement);
		}
		const server = await startServer({ DATABASE_URL: url });
		const headers = { authorization: server.bearer };
		const spaces = await ask(server, "GET /spaces", { headers });
		expect(spaces.json).toEqual({
			items: [
				{
					...{
						created_at: "2023-11-14T22:13:21.000Z",
						name: "default",
						role: "owner",
						title: "",
						version: 1,
					},
				},
			],
			kind: "spaces",
		});
		const members = await ask(server, "GET /spaces/default/members", { headers });
		expect(members.json).toMatchObject({
			items: [
				{ id: younger, role: "writer" },
				{ id: oldest, role: "owner" },
			],
		});
		const listed = async (path: "/collab/state/tasks" | "/jobs" | "/events", prefix = "") =>
			(
				(await ask(server, `GET ${`/${(prefix + path).slice(1)}` as const}`, { headers })).json as {
					items: readonly { id: string }[];
				}
			).items.map(({ id }) => id);
		for (const prefix of ["", "/spaces/default"]) {
			expect(await listed("/collab/state/tasks", prefix)).toEqual([task]);
			expect((await listed("/jobs", prefix)).toSorted()).toEqual([queued, ended].toSorted());
			expect(await listed("/events", prefix)).toEqual(["1", "2"]);
		}
		// Not by `ask`: a body of before has fewer fields.
		const replayed = await fetch(`${server.url}/spaces/default/collab/tasks`, {
			method: "POST",
			headers: { ...headers, "content-type": "application/json", "idempotency-key": "old-key" },
			body: JSON.stringify({ title: "old" }),
		});
		expect([replayed.status, replayed.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
		expect(await replayed.text()).toBe(body);
		const leased = await ask(server, "POST /jobs/lease", { headers, body: { worker: "w", queues: ["q"] } });
		expect(leased.json).toMatchObject({ items: [{ id: queued, attempt: 1 }] });
		await ask(server, "POST /spaces", { headers, body: { name: "acme" } });
		for (const path of ["/collab/state/tasks", "/jobs", "/events"] as const) {
			expect(await listed(path, "/spaces/acme")).toEqual([]);
		}
	});

	test("stored data is still there when the database is opened again", async () => {
		const url = await newUrl();
		const { database } = readConfig({ DATABASE_URL: url }, false);
		const applied: string[] = [];
		for (let round = 0; round < 3; round++) {
			const storage = await openStorage(database, log, (name) => applied.push(name));
			expect(await storage.settings.getOrMake("kept", () => `round ${round}`)).toBe("round 0");
			await storage.stop();
		}
		expect(applied).toEqual([...known(url)]);
	});
});

describe.each(durableDatabases.filter(({ name }) => name === "Postgres"))(
	"migrations on $name",
	({ newUrl }) => {
		test("wait for one another: the second one finds nothing to do", async () => {
			const url = await newUrl();
			const holder = postgres(url, { max: 1, onnotice() {} });
			await holder`SELECT pg_advisory_lock(${lockKey}::bigint)`;
			const runs = [migrate(url), migrate(url)];
			const tooEarly = Promise.race(runs).then(({ stderr }) => {
				throw new Error(`a process did not wait: ${stderr}`);
			});
			for (let waiting = 0; waiting < 2; ) {
				await Promise.race([Bun.sleep(20), tooEarly]);
				const [row] = await holder<{ count: number }[]>`
				SELECT count(*)::int FROM pg_locks JOIN pg_database ON pg_database.oid = database
				WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()`;
				waiting = row?.count ?? 0;
			}
			tooEarly.catch(() => {});
			await holder`SELECT pg_advisory_unlock(${lockKey}::bigint)`;
			const done = await Promise.all(runs);
			expect(done.map(({ code, stderr }) => [code, stderr])).toEqual([
				[0, ""],
				[0, ""],
			]);
			const applied = done.map(({ stdout }) => [...stdout.matchAll(/^applied /gm)].length);
			expect(applied.toSorted()).toEqual([0, known(url).length]);
			await holder.end();
		}, 60_000);
	},
);
