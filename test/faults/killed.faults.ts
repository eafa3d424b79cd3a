import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { durableDatabases } from "../support/databases.ts";
import { expectEnd, expectWhole, Load, serve } from "./load.ts";

/** How often a server is killed: on SQLite it takes its database's only process along. */
const rounds = { "SQLite on disk": 20, Postgres: 6 } as const;

describe.each([...durableDatabases])("on $name", ({ name, newUrl }) => {
	test("a server that is killed again and again loses nothing that it has acknowledged", async () => {
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

	test("a server that is told to stop under load finishes what it has begun, and exits with 0", async () => {
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
});
