import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { openStorage } from "../../src/storage/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type Answer, ask, errorOf } from "../support/ask.ts";
import { durableDatabases, everyDatabase } from "../support/databases.ts";
import { openTail } from "../support/events.ts";
import type { JobBody } from "../support/jobs.ts";
import { silentLog, startServer, type TestServer } from "../support/server.ts";
import { addMember, addSpace } from "../support/spaces.ts";
import { runSql } from "../support/sql.ts";
import { addToken } from "../support/tokens.ts";
import { testEmail, usersOf } from "../support/users.ts";

// Streams end after seconds, by design.
setDefaultTimeout(60_000);

type Line = `${string} /${string}`;
const idOf = ({ json }: Answer) => (json as { id: string }).id;
const itemsOf = ({ json }: Answer) => (json as { items: readonly JobBody[] }).items;

function asking(server: TestServer, authorization = server.bearer) {
	return (line: Line, body?: unknown, more: Record<string, string> = {}) =>
		ask(server, line, { headers: { authorization, ...more }, body });
}

async function remove(server: TestServer, name: string): Promise<void> {
	const headers = { authorization: server.bearer, "if-match": "*" };
	expect((await ask(server, `DELETE /spaces/${name}`, { headers })).status).toBe(204);
}

async function fill(server: TestServer, space: string) {
	const as = asking(server);
	const key = { "idempotency-key": "k" };
	const task = idOf(await as(`POST /spaces/${space}/collab/tasks`, { title: "old" }, key));
	await as(`POST /spaces/${space}/collab/tasks/${task}/comments`, { body: "a word" });
	const blocked = { title: "x", blocked_by: [task], labels: ["label"], parent: task };
	await as(`POST /spaces/${space}/collab/tasks`, blocked);
	const claimed = await as(`POST /spaces/${space}/collab/tasks/${task}/claim`, {});
	const { fence } = (claimed.json as { claim: { fence: number } }).claim;
	await as(`POST /spaces/${space}/collab/tasks/${task}/complete`, { fence, result: "done" });
	await as(`POST /spaces/${space}/collab/tasks/claim`, {});
	await as(`POST /spaces/${space}/jobs`, { kind: "k", unique_key: "u" }, key);
	const [job] = itemsOf(await as(`POST /spaces/${space}/jobs/lease`, { worker: "w" }));
	return { task, job: job as JobBody };
}

function linesOf({ task, job }: { task: string; job: JobBody }): readonly (readonly [Line, unknown?])[] {
	const fence = job.lease?.fence;
	return [
		["GET /spaces/acme/collab/state/tasks"],
		["POST /spaces/acme/collab/tasks", { title: "x" }],
		[`GET /spaces/acme/collab/tasks/${task}`],
		[`PATCH /spaces/acme/collab/tasks/${task}`, { title: "x" }],
		[`DELETE /spaces/acme/collab/tasks/${task}`],
		["POST /spaces/acme/collab/tasks/batch", { tasks: [{ title: "x" }] }],
		["GET /spaces/acme/collab/tasks/stats"],
		["POST /spaces/acme/collab/tasks/claim", {}],
		["GET /spaces/acme/collab/claims"],
		[`POST /spaces/acme/collab/tasks/${task}/claim`, {}],
		[`POST /spaces/acme/collab/tasks/${task}/heartbeat`, { fence: 1 }],
		[`POST /spaces/acme/collab/tasks/${task}/release`, { fence: 1 }],
		[`POST /spaces/acme/collab/tasks/${task}/complete`, { fence: 1 }],
		[`GET /spaces/acme/collab/tasks/${task}/result`],
		[`GET /spaces/acme/collab/tasks/${task}/comments`],
		[`POST /spaces/acme/collab/tasks/${task}/comments`, { body: "a word" }],
		["GET /spaces/acme/events"],
		["GET /spaces/acme/events/tail"],
		["GET /spaces/acme/jobs"],
		["POST /spaces/acme/jobs", { kind: "k" }],
		["POST /spaces/acme/jobs/batch", { jobs: [{ kind: "k" }] }],
		["POST /spaces/acme/jobs/lease", { worker: "w" }],
		["GET /spaces/acme/jobs/stats"],
		[`GET /spaces/acme/jobs/${job.id}`],
		[`POST /spaces/acme/jobs/${job.id}/heartbeat`, { fence }],
		[`POST /spaces/acme/jobs/${job.id}/fail`, { fence, error: "e" }],
		[`POST /spaces/acme/jobs/${job.id}/complete`, { fence }],
		[`POST /spaces/acme/jobs/${job.id}/cancel`],
		[`POST /spaces/acme/jobs/${job.id}/retry`],
	];
}

/** Units that work in a space wait here, admitted and not committed. */
async function gated(url: string) {
	const { database } = readConfig({ DATABASE_URL: url }, false);
	const storage = await openStorage(database, await silentLog());
	const gate = Promise.withResolvers<void>();
	let held: number | undefined;
	const waiting = new Set<() => void>();
	let count = 0;
	const run: Storage["run"] = async (unit) => {
		if (unit.space === held && held !== undefined) {
			count++;
			for (const look of waiting) look();
			await gate.promise;
		}
		return storage.run(unit);
	};
	return {
		storage: { ...storage, run },
		hold: (space: number) => {
			held = space;
		},
		open: gate.resolve,
		/** Resolves when this many units wait. */
		whenHeld(wanted: number): Promise<void> {
			const { promise, resolve } = Promise.withResolvers<void>();
			const look = () => count >= wanted && resolve();
			waiting.add(look);
			look();
			return promise;
		},
	};
}

for (const { name, newUrl } of everyDatabase) {
	describe(`a deleted space on ${name}`, () => {
		test("is there for nobody from its commit on; its streams and waits end, and those of others go on", async () => {
			const server = await startServer({ DATABASE_URL: await newUrl() });
			const id = await addSpace(server, "acme");
			await addSpace(server, "other");
			const filled = await fill(server, "acme");
			const member = await addMember(server, "grace@example.com", "writer", id);
			const { token } = await addToken(server, {
				scopes: ["tasks:write", "jobs"],
				spaces: ["acme", "other"],
			});
			const headers = { authorization: server.bearer };
			const tails = await Promise.all(
				[server.bearer, member, `Bearer ${token}`].map((authorization) =>
					openTail(`${server.url}/spaces/acme`, "", { authorization }),
				),
			);
			const kept = await openTail(`${server.url}/spaces/other`, "", headers);
			for (const tail of [...tails, kept]) await tail.block();
			const lease = (space: string) =>
				asking(server)(`POST /spaces/${space}/jobs/lease`, {
					worker: "w",
					queues: ["none"],
					wait_seconds: 20,
				});
			const waiting = [lease("acme"), lease("other")] as const;
			const rev = (await server.storage.events.range()).rev;
			await remove(server, "acme");
			const removedAt = performance.now();
			for (const authorization of [server.bearer, member, `Bearer ${token}`]) {
				for (const [line, body] of linesOf(filled)) {
					const answer = await ask(server, line, { headers: { authorization, "if-match": "*" }, body });
					expect([line, answer.status]).toEqual([line, 404]);
					expect(errorOf(answer).message).toBe("There is no such space.");
				}
			}
			for (const line of ["GET /spaces/acme", "PATCH /spaces/acme", "GET /spaces/acme/members"] as const) {
				const body = line.startsWith("PATCH") ? {} : undefined;
				expect((await asking(server)(line, body, { "if-match": "*" })).status).toBe(404);
			}
			expect((await asking(server)("GET /spaces")).text).not.toContain("acme");
			expect((await asking(server)("GET /auth/tokens")).json).toMatchObject({
				items: [{ spaces: ["other"] }],
			});
			for (const tail of tails) {
				const ended = await tail.block();
				expect([ended?.event, ended?.id]).toEqual(["unauthorized", undefined]);
				expect(JSON.parse(ended?.data ?? "")).toMatchObject({ type: "unauthorized" });
				expect(await tail.block()).toBeUndefined();
			}
			const leased = await waiting[0];
			expect([leased.status, itemsOf(leased)]).toEqual([200, []]);
			expect(performance.now() - removedAt).toBeLessThan(5000);
			expect((await server.storage.events.range()).rev).toBe(rev);
			const as = asking(server);
			const wanted = idOf(await as("POST /spaces/other/jobs", { kind: "k", queue: "none" }));
			expect(itemsOf(await waiting[1]).map(({ id }) => id)).toEqual([wanted]);
			expect((await kept.next()).type).toBe("job.enqueued");
			kept.close();
		});

		test("takes no change that was admitted before and is not committed yet", async () => {
			const held = await gated(await newUrl());
			const server = await startServer({}, { storage: held.storage });
			const id = await addSpace(server, "acme");
			const filled = await fill(server, "acme");
			const rev = (await server.storage.events.range()).rev;
			held.hold(id);
			const changes = linesOf(filled).filter(([line]) => !line.startsWith("GET"));
			const asked = changes.map(([line, body]) => asking(server)(line, body, { "if-match": "*" }));
			await held.whenHeld(changes.length);
			await remove(server, "acme");
			const inDefault = await asking(server)("POST /collab/tasks", { title: "x" });
			expect(inDefault.status).toBe(200);
			held.open();
			for (const [index, answer] of (await Promise.all(asked)).entries()) {
				expect([changes[index]?.[0], answer.status, errorOf(answer).type]).toEqual([
					...[changes[index]?.[0], 404, "not_found"],
				]);
			}
			expect((await server.storage.events.range()).rev).toBe(rev + 1);
		});

		test("leaves its name to another one, in which nothing of it is", async () => {
			const server = await startServer({ DATABASE_URL: await newUrl() });
			const as = asking(server);
			const old = await addSpace(server, "acme");
			const { task, job } = await fill(server, "acme");
			const member = await addMember(server, "grace@example.com", "owner", old);
			const { token } = await addToken(server, { scopes: ["tasks:write"], spaces: ["acme"] });
			const last = Number((await as("GET /spaces/acme/collab/state/tasks")).headers.get("x-event-id"));
			const page = (await as("GET /spaces/acme/collab/state/tasks")).headers.get("etag") ?? "";
			await remove(server, "acme");
			expect(await addSpace(server, "acme")).not.toBe(old);
			const { rev } = await server.storage.events.range();
			expect(rev).toBe(last);

			const tasks = await as("GET /spaces/acme/collab/state/tasks", undefined, { "if-none-match": page });
			expect([tasks.status, itemsOf(tasks)]).toEqual([200, []]);
			expect(itemsOf(await as("GET /spaces/acme/jobs"))).toEqual([]);
			expect(itemsOf(await as("GET /spaces/acme/jobs/stats"))).toEqual([]);
			expect((await as(`GET /spaces/acme/collab/tasks/${task}`)).status).toBe(404);
			expect((await as(`GET /spaces/acme/jobs/${job.id}`)).status).toBe(404);
			for (const authorization of [member, `Bearer ${token}`]) {
				expect((await as("GET /spaces/acme/collab/state/tasks", undefined, { authorization })).status).toBe(
					404,
				);
				expect((await as("GET /spaces/acme", undefined, { authorization })).status).toBe(404);
			}
			const me = await as("GET /auth/me", undefined, { authorization: `Bearer ${token}` });
			expect(me.json).toMatchObject({ token: { spaces: [] } });

			for (const line of [
				`GET /spaces/acme/events?after=${last - 1}`,
				"GET /spaces/acme/events?after=1",
				`GET /spaces/acme/events/tail?last_event_id=${last - 1}`,
			] as const) {
				const gone = await as(line);
				expect([line, gone.status, errorOf(gone).type]).toEqual([line, 410, "gone"]);
			}
			for (const after of [0, last]) {
				const events = await as(`GET /spaces/acme/events?after=${after}`);
				expect([events.status, itemsOf(events)]).toEqual([200, []]);
			}
			const again = await fill(server, "acme");
			expect([again.task === task, again.job.id === job.id]).toEqual([false, false]);
			const events = itemsOf(await as("GET /spaces/acme/events?after=0"));
			expect(events).toHaveLength(9);
			expect(events.every(({ id }) => Number(id) > last)).toBe(true);
		});

		test("keeps no user: its only owner can be removed before its rows are", async () => {
			const server = await startServer({ DATABASE_URL: await newUrl() });
			const heir = await addMember(server, "heir@example.com", "owner");
			await addSpace(server, "acme");
			await remove(server, "acme");
			expect(await usersOf(server.storage).remove(testEmail)).toBe(true);
			expect((await asking(server, heir)("GET /spaces/default")).status).toBe(200);
		});
	});
}

for (const { name, newUrl } of durableDatabases) {
	test(`the rows of a deleted space are removed from every table on ${name}, those of others are not`, async () => {
		const url = await newUrl();
		const server = await startServer({ DATABASE_URL: url });
		const ids = [await addSpace(server, "acme"), await addSpace(server, "other")] as const;
		for (const space of ["acme", "other", "default"]) {
			await fill(server, space);
			for (let n = 0; n < 10; n++) await asking(server)(`POST /spaces/${space}/collab/tasks`, { title: "x" });
		}
		const tables = await tablesWithSpaces(url);
		// A table without a space has nothing of one: whoever adds a table decides which it is.
		expect((await tablesOf(url)).filter((table) => !tables.includes(table))).toEqual([
			...["access_tokens", "former_actors", "idempotency", "log_head", "schema_migrations"],
			...["settings", "spaces", "users"],
		]);
		const counts = async (space: number) => {
			const counted: Record<string, number> = {};
			for (const table of tables) {
				const [row] = await runSql(url, `SELECT count(*) AS n FROM ${table} WHERE space = ${space}`);
				counted[table] = Number(row?.n);
			}
			return counted;
		};
		const [acme, other, inDefault] = [await counts(ids[0]), await counts(ids[1]), await counts(1)];
		const empty = Object.entries(acme).filter(([, count]) => count === 0);
		// Has rows while the comments of a task that was deleted are removed.
		expect(empty.map(([table]) => table)).toEqual(["comment_removals"]);
		expect(acme).toEqual(other);
		await remove(server, "acme");
		while (await server.storage.spaces.purge(3));
		expect(await server.storage.spaces.purge(3)).toBe(false);
		expect(Object.values(await counts(ids[0]))).toEqual(tables.map(() => 0));
		expect(await counts(ids[1])).toEqual(other);
		expect(await counts(1)).toEqual(inDefault);
		expect((await runSql(url, "SELECT name FROM spaces ORDER BY id")).map((row) => row.name)).toEqual([
			...["default", "other"],
		]);
		expect((await asking(server)("GET /spaces/other/jobs/stats")).text).toContain('"leased":1');
	});
}

async function tablesOf(url: string): Promise<readonly string[]> {
	const found = await runSql(
		url,
		url.startsWith("postgres")
			? "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
			: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
	);
	return found.map((row) => String(row.name)).sort();
}

async function tablesWithSpaces(url: string): Promise<readonly string[]> {
	const found = await runSql(
		url,
		url.startsWith("postgres")
			? "SELECT table_name AS name FROM information_schema.columns WHERE column_name = 'space' AND table_schema = 'public'"
			: `SELECT m.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'space' WHERE m.type = 'table'`,
	);
	return found.map((row) => String(row.name)).sort();
}
