import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { connect } from "../../src/storage/postgres/connection.ts";
import { systemContext } from "../support/context.ts";
import { postgresAddress } from "../support/pool.ts";
import { newPostgresDatabase, ownPostgres, type PostgresServer } from "../support/postgres.ts";
import { openTestStorage } from "../support/storage.ts";
import { logIn } from "../support/users.ts";
import { expectEnd, expectWhole, Load, serve } from "./load.ts";

const own = await ownPostgres();
describe.if(own !== undefined)("a Postgres", () => {
	const postgres = own as PostgresServer;

	test("that is killed under load and restarted, twice: nothing acknowledged is lost, and the server recovers", async () => {
		const server = await serve(await newPostgresDatabase(postgres.url));
		const load = await Load.on(server.url);
		for (const _ of [1, 2]) {
			await load.more(100);
			await postgres.kill();
			const before = load.refused;
			await load.until(() => load.refused > before + 20);
			const health = await fetch(`${server.url}/healthz`);
			expect([health.status, ((await health.json()) as { type: string }).type]).toEqual([503, "unavailable"]);
			await postgres.start();
			await load.more(50);
		}
		expect(load.lost).toBe(0);
		await expectWhole(server.url, load);
		await expectEnd(server);
	}, 120_000);

	test("that ends a connection inside a transaction ends neither the process nor the next transaction", async () => {
		const address = postgresAddress(await newPostgresDatabase(postgres.url), 1);
		const [sql, killer] = [connect(address), connect(address)];
		await sql`CREATE TABLE seen (round integer)`;
		for (const round of [1, 2, 3, 4]) {
			const broken = sql.begin(async (tx) => {
				const [own] = await tx<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
				// Half of the rounds kill an idle connection, the others one that runs a query.
				const sleeping = round % 2 === 0 ? tx`SELECT pg_sleep(60)`.catch(() => undefined) : undefined;
				await killer`SELECT pg_terminate_backend(${own?.pid ?? 0})`;
				await sleeping;
				await Bun.sleep(100);
				await tx`INSERT INTO seen VALUES (${-round})`;
			});
			expect(await broken.then(String, ({ code }) => code)).toMatch(/^(57P01|CONNECTION_CLOSED|ECONNRESET)$/);
			await sql.begin((tx) => tx`INSERT INTO seen VALUES (${round})`);
		}
		expect((await sql`SELECT round FROM seen ORDER BY round`).map(({ round }) => round)).toEqual([
			1, 2, 3, 4,
		]);
		await Promise.all([sql.end({ timeout: 5 }), killer.end({ timeout: 5 })]);
	}, 120_000);

	test("that freezes makes every write fail within 10 s, in the current group and behind it", async () => {
		const { tasks } = await openTestStorage(await newPostgresDatabase(postgres.url));
		const create = async () => {
			const started = performance.now();
			const task = { title: "t" };
			const change = {
				id: newId(),
				task,
				author: "Ada",
				idempotent: undefined,
				now: 1,
				context: systemContext,
			};
			const outcome = await tasks.create(change).then(
				() => "created",
				({ code }) => code as string,
			);
			return { outcome, seconds: (performance.now() - started) / 1000 };
		};
		expect((await create()).outcome).toBe("created");
		postgres.freeze();
		try {
			const writes = Array.from({ length: 4 }, async (_, index) => {
				await Bun.sleep(index * 3000);
				return create();
			});
			for (const { outcome, seconds } of await Promise.all(writes)) {
				expect(outcome).toBe("unavailable");
				expect(seconds).toBeLessThan(11);
			}
		} finally {
			postgres.thaw();
		}
		while ((await create()).outcome !== "created") await Bun.sleep(50);
	}, 120_000);

	test("that accepts and does not answer: 503 in bounded time on every route, and recovery by itself", async () => {
		const server = await serve(await newPostgresDatabase(postgres.url));
		const load = await Load.on(server.url);
		const authorization = await logIn(server.url);
		await load.more(100);
		postgres.freeze();
		try {
			const asked = [
				["GET", "/healthz", 5],
				["GET", "/collab/state/tasks", 25],
				["GET", "/collab/state/tasks?limit=1", 25],
				["GET", "/collab/tasks/019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77", 25],
				["GET", "/auth/me", 25],
				["GET", "/events", 25],
				["GET", "/events/tail", 25],
				["DELETE", "/collab/tasks/019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77", 40],
			] as const;
			const answers = asked.map(async ([method, path, secondsMax]) => {
				const { status } = await fetch(server.url + path, {
					method,
					headers: { authorization, "content-type": "application/json", "if-match": "*" },
					signal: AbortSignal.timeout(secondsMax * 1000),
				});
				return [method, path, status];
			});
			expect(await Promise.all(answers)).toEqual(asked.map(([method, path]) => [method, path, 503]));
			expect(load.refused).toBeGreaterThan(0);
		} finally {
			postgres.thaw();
		}
		await load.more(50);
		await expectWhole(server.url, load);
		expect(load.lost).toBe(0);
		await expectEnd(server);
	}, 120_000);
});
