import { describe, expect, test } from "bun:test";
import { build } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { openStorage } from "../../src/storage/open.ts";
import { ask, errorOf } from "../support/ask.ts";
import { durableDatabases } from "../support/databases.ts";
import { silentLog, startServer } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { onEnd } from "../support/teardown.ts";
import { addUser } from "../support/users.ts";

test("a server is healthy once it has been declared ready, and not before", async () => {
	const config = readConfig({ DATABASE_URL: "sqlite://:memory:", PORT: "0" }, false);
	const log = await silentLog();
	const storage = await openStorage(config.database, log);
	const app = await build(config, { storage, log });
	const server = { ...app.start(), app, storage, bearer: "", stop: () => app.stop() };
	onEnd(async () => {
		await app.stop();
		await storage.stop();
	});

	const early = await ask(server, "GET /healthz");
	expect([early.status, errorOf(early).type, early.headers.get("retry-after")]).toEqual([
		503,
		"unavailable",
		"1",
	]);
	expect((await ask(server, "HEAD /healthz")).status).toBe(503);
	expect(await addUser(storage, server.url)).toStartWith("Bearer ey");

	app.ready();
	const ready = await ask(server, "GET /healthz");
	expect([ready.status, ready.text]).toEqual([200, '{"status":"ok"}']);
});

describe.each([...durableDatabases])("on $name", ({ newUrl }) => {
	test("a server whose database has lost a table is not healthy, and a request for it is 503, until it is back", async () => {
		const url = await newUrl();
		const server = await startServer({ DATABASE_URL: url });
		const statuses = async () => [
			(await ask(server, "GET /healthz")).status,
			(await ask(server, "GET /collab/state/tasks?limit=1")).status,
		];
		expect(await statuses()).toEqual([200, 200]);
		await runSql(url, "ALTER TABLE tasks RENAME TO away");
		// Not what is kept in memory of the list.
		expect((await ask(server, "GET /collab/state/tasks?limit=2")).status).toBe(503);
		expect((await ask(server, "GET /healthz")).status).toBe(503);
		await runSql(url, "ALTER TABLE away RENAME TO tasks");
		expect(await statuses()).toEqual([200, 200]);
	});
});
