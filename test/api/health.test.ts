import { expect, test } from "bun:test";
import { build } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { openStorage } from "../../src/storage/open.ts";
import { ask, errorOf } from "../support/ask.ts";
import { silentLog } from "../support/server.ts";
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
