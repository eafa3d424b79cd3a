import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { durableDatabases } from "../support/databases.ts";
import { sendRaw } from "../support/raw.ts";
import { logIn } from "../support/users.ts";
import { expectEnd, expectWhole, isHealthy, Load, serve } from "./load.ts";

/** How often a server is killed: on SQLite it is the only process of its database. */
const rounds = { "SQLite on disk": 20, Postgres: 6 } as const;

describe.each([...durableDatabases])("on $name", ({ name, newUrl }) => {
	test("a server that is killed repeatedly loses nothing that it has acknowledged", async () => {
		const url = await newUrl();
		let server = await serve(url);
		const load = await Load.on(server.url);
		const killed = name === "Postgres" ? rounds.Postgres : rounds["SQLite on disk"];
		for (let round = 0; round < killed; round++) {
			await load.more(1 + Math.floor(Math.random() * 40));
			await server.end("SIGKILL");
			server = await serve(url);
			load.moveTo(server.url);
		}
		await load.more(10);
		expect(load.lost).toBeGreaterThan(0);
		await expectWhole(server.url, load);
		await expectEnd(server);
		if (name === "Postgres") return;
		using database = new Database(url.slice("sqlite:///".length));
		expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
	}, 120_000);

	test("a server that gets SIGTERM under load finishes the requests in progress, and exits with 0", async () => {
		const url = await newUrl();
		let server = await serve(url);
		const load = await Load.on(server.url, 32);
		for (let round = 0; round < 3; round++) {
			await load.more(100);
			await expectEnd(server);
			server = await serve(url);
			load.moveTo(server.url);
		}
		await load.more(10);
		await expectWhole(server.url, load);
		await expectEnd(server);
	}, 120_000);

	test("a request whose body has partly arrived at SIGTERM is completed", async () => {
		const url = await newUrl();
		const server = await serve(url);
		const authorization = await logIn(server.url);
		const { promise: rest, resolve: send } = Promise.withResolvers<string>();
		const body = '{"title":"late"}';
		const answer = sendRaw(
			server.url,
			`POST /collab/tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${authorization}\r\n`,
			`Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
			rest,
		);
		// The part has arrived once later requests are answered.
		for (let n = 0; n < 5; n++) expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
		const ended = server.end("SIGTERM");
		while (await isHealthy(server.url)) await Bun.sleep(5);
		send(body.slice(5));
		const { status, body: task } = await answer;
		expect([status, JSON.parse(task).title]).toEqual([200, "late"]);
		expect(await ended).toBe(0);
		const again = await serve(url);
		const { id } = JSON.parse(task);
		expect(await (await fetch(`${again.url}/collab/tasks/${id}`)).text()).toBe(task);
		await expectEnd(again);
	}, 120_000);
});
