import { describe, expect, test } from "bun:test";
import { startForwarder } from "../support/forwarder.ts";
import { newPostgresDatabase, ownPostgres, type PostgresServer } from "../support/postgres.ts";
import { startServer } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { isHealthy, isStandby } from "./load.ts";

const [first, second] = [await ownPostgres(), await ownPostgres()];

const portOf = (url: string) => Number(new URL(url).port);

async function run(...command: readonly string[]): Promise<void> {
	expect(await Bun.spawn([...command]).exited).toBe(0);
}

describe.if(first !== undefined && second !== undefined)("a standby", () => {
	const primary = first as PostgresServer;
	const standby = second as PostgresServer;

	/** Makes the second server a standby that has what the first one has now, and no more. */
	async function makeStandby(): Promise<void> {
		await standby.kill();
		await primary.kill();
		await run("rm", "-rf", standby.folder);
		await run("cp", "-a", primary.folder, standby.folder);
		await run("rm", "-f", `${standby.folder}/postmaster.pid`);
		await run("cp", "-p", `${standby.folder}/PG_VERSION`, `${standby.folder}/standby.signal`);
		await primary.start();
		// It resolves when the server takes writes, which a standby never does.
		standby.start().catch(() => {});
		while (!(await isStandby(standby.url))) await Bun.sleep(20);
	}

	test("that a forwarder leads to for a while is neither read nor written, and no connection to it stays", async () => {
		const direct = await newPostgresDatabase(primary.url);
		const forwarder = await startForwarder(portOf(primary.url));
		const url = new URL(direct);
		url.port = String(forwarder.port);
		const server = await startServer({ DATABASE_URL: url.href, DATABASE_POOL: "4" });
		const create = async () => {
			const headers = { authorization: server.bearer, "content-type": "application/json" };
			const body = '{"title":"t"}';
			return (await fetch(`${server.url}/collab/tasks`, { method: "POST", headers, body })).status;
		};
		const list = async () => (await fetch(`${server.url}/collab/state/tasks`)).status;
		expect(await create()).toBe(200);
		await makeStandby();
		while (!(await isHealthy(server.url))) await Bun.sleep(20);
		// What only the primary has.
		expect(await create()).toBe(200);

		forwarder.forwardTo(portOf(standby.url));
		await runSql(
			direct,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
		);
		while (await isHealthy(server.url)) await Bun.sleep(20);
		for (const _ of Array(10)) expect([await create(), await list()]).toEqual([503, 503]);

		forwarder.forwardTo(portOf(primary.url));
		while (!(await isHealthy(server.url))) await Bun.sleep(20);
		const statuses = Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? create() : list()));
		expect(new Set(await Promise.all(statuses))).toEqual(new Set([200]));
		const here = new URL(standby.url);
		here.pathname = url.pathname;
		expect(
			await runSql(
				here.href,
				"SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'orchestrator%'",
			),
		).toEqual([]);
	}, 60_000);
});
