import { describe, expect, test } from "bun:test";
import { connect, type Sql } from "../../src/storage/postgres/connection.ts";
import { openTail } from "../support/events.ts";
import { post } from "../support/jobs.ts";
import { addressOf, newPostgresDatabase, ownPostgres, type PostgresServer } from "../support/postgres.ts";
import { fromSource, startProcess } from "../support/process.ts";
import { testApiKey } from "../support/server.ts";
import { logIn, testEmail, testPassword } from "../support/users.ts";
import { isHealthy } from "./load.ts";

interface Answer {
	readonly status: number;
	readonly eventId: number;
	readonly json: object;
}

async function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
	const response = await fetch(url, { headers });
	const eventId = Number(response.headers.get("x-event-id"));
	return { status: response.status, eventId, json: (await response.json()) as object };
}

async function run(...command: readonly string[]): Promise<void> {
	expect(await Bun.spawn([...command]).exited).toBe(0);
}

/** Replaces a stopped server by its older state, as a standby, and promotes it once the service has queried it. */
async function failOver(postgres: PostgresServer, copy: string): Promise<void> {
	await run("rm", "-rf", postgres.folder);
	await run("cp", "-a", copy, postgres.folder);
	await run("cp", "-p", `${copy}/PG_VERSION`, `${postgres.folder}/standby.signal`);
	const started = postgres.start();
	const sql = connect(addressOf(postgres.url, 1));
	while (!(await isAsked(sql).catch(() => false))) await Bun.sleep(20);
	await sql`SELECT pg_promote()`;
	await started;
	await sql.end();
}

/** Whether the service has queried this standby: it runs LISTEN when it checks the server. */
async function isAsked(sql: Sql): Promise<boolean> {
	const asked = await sql`SELECT FROM pg_stat_activity WHERE application_name = 'orchestrator listen'
		AND state = 'idle' AND query LIKE 'LISTEN %' AND state_change < clock_timestamp() - interval '100 ms'`;
	return asked.length > 0;
}

const own = await ownPostgres();
describe.if(own !== undefined)("a Postgres that fails over to a standby without the newest commits", () => {
	const postgres = own as PostgresServer;

	test("is noticed by a running server: the log begins a new epoch, without a restart and without a write", async () => {
		const server = await startProcess(fromSource, {
			DATABASE_URL: await newPostgresDatabase(postgres.url),
			DEV_USER_EMAIL: testEmail,
			DEV_USER_PASSWORD: testPassword,
			API_KEYS: testApiKey,
			LOG_LEVEL: "error",
		});
		const create = async (title: string, authorization: string) => {
			const headers = { authorization, "content-type": "application/json" };
			const body = JSON.stringify({ title });
			return (await fetch(`${server.url}/collab/tasks`, { method: "POST", headers, body })).status;
		};
		const lease = async () => (await post(server.url, "/jobs/lease", { worker: "w" })).items[0];
		const bearer = await logIn(server.url);
		expect(await create("kept", bearer)).toBe(200);
		await post(server.url, "/jobs/batch", { jobs: [{ kind: "k" }, { kind: "k" }] });
		const leasedBefore = await lease();

		const copy = `${postgres.folder}-copy`;
		await postgres.kill();
		await run("cp", "-a", postgres.folder, copy);
		await postgres.start();
		while (!(await isHealthy(server.url))) await Bun.sleep(20);
		const leasedAfter = await lease();
		expect(await create("lost", bearer)).toBe(200);
		expect([leasedBefore?.lease?.fence, leasedAfter?.lease?.fence]).toEqual([1, 1]);
		const list = await get(`${server.url}/collab/state/tasks`);
		expect(list.json).toMatchObject({ items: [{ title: "lost" }, { title: "kept" }] });
		const lost = list.eventId;
		const tail = await openTail(server.url, `?last_event_id=${lost - 1}`, { "x-api-key": testApiKey });
		expect(await tail.next()).toMatchObject({ id: lost, event: { data: { title: "lost" } } });

		await postgres.kill();
		await failOver(postgres, copy);
		const promoted = performance.now();
		let last = await tail.block();
		while (last !== undefined && last.event !== "gone") last = await tail.block();
		expect(last).toMatchObject({ event: "gone", id: undefined });
		expect(performance.now() - promoted).toBeLessThan(5000);
		expect(await tail.block()).toBeUndefined();

		for (const id of [lost, lost + 1, 1]) {
			const resumed = await get(`${server.url}/events/tail?last_event_id=${id}`);
			expect(resumed).toMatchObject({ status: 410, json: { type: "gone" } });
		}
		expect(await get(`${server.url}/auth/me`, { authorization: bearer })).toMatchObject({ status: 401 });
		expect(await create("with a token of the old epoch", bearer)).toBe(401);
		for (const job of [leasedBefore, leasedAfter]) {
			const { status } = await post(server.url, `/jobs/${job?.id}/complete`, { fence: 1 });
			expect(status).toBe(409);
		}

		const kept = await get(`${server.url}/collab/state/tasks`);
		expect(kept.json).toMatchObject({ items: [{ title: "kept" }] });
		const start = kept.eventId;
		const next = await openTail(server.url, `?last_event_id=${start}`);
		expect(await create("after", await logIn(server.url))).toBe(200);
		expect(await next.next()).toMatchObject({ id: start + 1, event: { data: { title: "after" } } });
		next.close();
		expect(await server.end("SIGTERM")).toBe(0);
	}, 60_000);
});
