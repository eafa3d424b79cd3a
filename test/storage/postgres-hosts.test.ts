import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { openStorage } from "../../src/storage/open.ts";
import { connect } from "../../src/storage/postgres/connection.ts";
import { binary } from "../support/binary.ts";
import { newFolder } from "../support/databases.ts";
import { postgresAddress } from "../support/pool.ts";
import { freePort } from "../support/ports.ts";
import { ownPostgres, type PostgresServer } from "../support/postgres.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { silentLog } from "../support/server.ts";
import { runSql } from "../support/sql.ts";
import { unprivileged } from "../support/unprivileged.ts";

setDefaultTimeout(60_000);

const sockets = newFolder();
chmodSync(sockets, 0o777);
const first = await ownPostgres({ settings: [`unix_socket_directories=${sockets}`, "listen_addresses=*"] });
const second = first && (await ownPostgres());
const readOnly = second && (await ownPostgres({ settings: ["default_transaction_read_only=on"] }));

const portOf = (server: PostgresServer) => Number(/:(\d+)\//.exec(server.url)?.[1]);

/** The port of the server that a URL leads to; undefined by a Unix socket. */
async function portBehind(url: string, env: Record<string, string> = {}): Promise<number | undefined> {
	Object.assign(Bun.env, env);
	const sql = connect(postgresAddress(url, 1));
	try {
		const [row] = await sql<{ port: number | null }[]>`SELECT inet_server_port() AS port`;
		return row?.port ?? undefined;
	} finally {
		await sql.end({ timeout: 1 });
		for (const name of Object.keys(env)) delete Bun.env[name];
	}
}

const refusal = "nothing listens there: check host and port, and that the server runs";

describe.if(readOnly !== undefined)("a Postgres", () => {
	const [one, two, standby] = [first, second, readOnly] as [PostgresServer, PostgresServer, PostgresServer];

	test("is reached by its Unix socket, also with characters in its names that a URL encodes", async () => {
		await runSql(one.url, "CREATE ROLE \"ada lüx\" LOGIN PASSWORD 'p@/:%'");
		await runSql(one.url, 'CREATE DATABASE "plän nr 1" OWNER "ada lüx"');
		const credentials = `ada%20l%C3%BCx:p%40%2F%3A%25`;
		const database = `pl%C3%A4n%20nr%201`;
		const port = portOf(one);
		for (const url of [
			`postgres://${credentials}@/${database}?host=${sockets}&port=${port}`,
			`postgresql://${credentials}@${encodeURIComponent(sockets)}:${port}/${database}`,
			`postgres:///?user=ada%20l%C3%BCx&password=p%40%2F%3A%25&dbname=${database}&host=${sockets}&port=${port}&sslmode=require`,
		]) {
			expect(await portBehind(url)).toBeUndefined();
		}
		expect(await portBehind(`postgres://${credentials}@127.0.0.1:${port}/${database}`)).toBe(port);
		expect(
			await runProgram([...fromSource, "migrate"], {
				DATABASE_URL: `postgres://${credentials}@/${database}?host=${sockets}&port=${port}`,
			}),
		).toMatchObject({ code: 0, stderr: "" });
	});

	test("a socket that is missing is one sentence that names its folder", async () => {
		const folder = newFolder();
		expect(
			await runProgram([...fromSource, "migrate"], { DATABASE_URL: `postgres://u:p@/d?host=${folder}` }),
		).toEqual({
			code: 1,
			stdout: "",
			stderr: `orchestrator: Postgres at ${folder}:5432/d cannot be used: there is no socket in this folder: check that the server runs, and its unix_socket_directories.\n`,
		});
	});

	test.skipIf(process.platform === "win32")(
		"a socket that this user may not use is one sentence",
		async () => {
			const folder = newFolder();
			const [copy, closed] = [`${folder}/orchestrator`, `${folder}/closed`];
			await Bun.write(copy, Bun.file(await binary()));
			mkdirSync(closed);
			for (const [path, mode] of [
				[folder, 0o755],
				[copy, 0o755],
				[closed, 0o600],
			] as const)
				chmodSync(path, mode);
			expect(
				await runProgram(unprivileged([copy, "migrate"]), {
					DATABASE_URL: `postgres://u:p@/d?host=${closed}`,
				}),
			).toEqual({
				code: 1,
				stdout: "",
				stderr: `orchestrator: Postgres at ${closed}:5432/d cannot be used: this user may not use the socket: check unix_socket_permissions, and the folder's.\n`,
			});
		},
	);

	test("whose socket is gone for a while is unavailable meanwhile, and used again then", async () => {
		const folder = newFolder();
		chmodSync(folder, 0o777);
		const own = (await ownPostgres({ settings: [`unix_socket_directories=${folder}`] })) as PostgresServer;
		const url = `postgres://postgres:postgres@/postgres?host=${folder}&port=${portOf(own)}`;
		const storage = await openStorage(postgresAddress(url, 2), await silentLog());
		await storage.ping();
		await own.kill();
		rmSync(`${folder}/.s.PGSQL.${portOf(own)}`);
		const failures: unknown[] = [];
		for (const _ of [1, 2, 3]) failures.push(await storage.ping().catch((error) => error));
		await own.start(); // only a server that runs can be stopped
		expect(failures).toMatchObject(Array(3).fill({ name: "AppError", code: "unavailable" }));
		await storage.ping();
		await storage.stop();
	});

	test("is reached at its IPv6 address", async () => {
		const url = `postgres://postgres:postgres@[::1]:${portOf(one)}/postgres`;
		const [sql, sixes] = [
			connect(postgresAddress(url, 1)),
			networkInterfaces().lo?.some(({ address }) => address === "::1"),
		];
		if (sixes) expect((await sql`SELECT host(inet_server_addr()) AS address`)[0]?.address).toBe("::1");
		await sql.end();
	});

	test("is not taken from PG variables of the environment", async () => {
		const env = {
			PGHOST: "192.0.2.1",
			PGPORT: "1",
			PGUSER: "x",
			PGPASSWORD: "x",
			PGDATABASE: "x",
			PGSSL: "require",
		};
		expect(await portBehind(one.url, env)).toBe(portOf(one));
		const noPassword = `postgres://postgres@127.0.0.1:${portOf(one)}/postgres`;
		const { code } = await portBehind(noPassword, { PGPASSWORD: "postgres" }).catch((error) => error);
		expect(code).toBe("28P01");
	});

	const list = (ports: readonly number[], query = "") =>
		`postgres://postgres:postgres@${ports.map((port) => `127.0.0.1:${port}`).join(",")}/postgres${query}`;

	test("is the first of several that can be used", async () => {
		expect(await portBehind(list([portOf(one), portOf(two)]))).toBe(portOf(one));
		expect(await portBehind(list([freePort(), portOf(two), portOf(one)]))).toBe(portOf(two));
		expect(
			await portBehind(
				`postgres://postgres:postgres@/postgres?host=${newFolder()},127.0.0.1&port=${portOf(two)}`,
			),
		).toBe(portOf(two));
	});

	test("that is read-only is passed over, unless any server will do", async () => {
		const ports = [portOf(standby), portOf(two)];
		expect(await portBehind(list(ports))).toBe(portOf(two));
		expect(await portBehind(list(ports, "?target_session_attrs=read-write"))).toBe(portOf(two));
		expect(await portBehind(list(ports, "?target_session_attrs=any"))).toBe(portOf(standby));
		const alone = list([portOf(standby)], "?target_session_attrs=read-write");
		expect(await runProgram([...fromSource, "migrate"], { DATABASE_URL: alone })).toMatchObject({
			code: 1,
			stderr: expect.stringContaining("it is a standby or read-only, and takes no writes: name the primary"),
		});
	});

	test("that does not answer costs no more than connect_timeout", async () => {
		const frozen = Bun.listen({ hostname: "127.0.0.1", port: freePort(), socket: { data() {} } });
		for (const mode of ["disable", "prefer"]) {
			const started = performance.now();
			const url = list([frozen.port, portOf(two)], `?connect_timeout=1&sslmode=${mode}`);
			expect(await portBehind(url)).toBe(portOf(two));
			expect(performance.now() - started).toBeWithin(900, 4000);
		}
		frozen.stop(true);
	});

	test("that refuses the login is the answer: the others are not tried", async () => {
		const url = list([portOf(one), portOf(two)]).replace("postgres:postgres", "postgres:wrong");
		const { code } = await portBehind(url).catch((error) => error);
		expect(code).toBe("28P01");
	});

	test("of which none can be used is one sentence that names each", async () => {
		const [a, b] = [freePort(), portOf(standby)];
		expect(await runProgram([...fromSource, "migrate"], { DATABASE_URL: list([a, b]) })).toEqual({
			code: 1,
			stdout: "",
			stderr: `orchestrator: Postgres at 127.0.0.1:${a},127.0.0.1:${b}/postgres cannot be used: at 127.0.0.1:${a} ${refusal}; at 127.0.0.1:${b} it is a standby or read-only, and takes no writes: name the primary in DATABASE_URL.\n`,
		});
	});

	test("that is killed is replaced by the next, in a pool that goes on", async () => {
		const [dies, stays] = [await ownPostgres(), two] as [PostgresServer, PostgresServer];
		const url = list([portOf(dies), portOf(stays)]);
		const open = async (servers: string) => openStorage(postgresAddress(servers, 3), await silentLog());
		// A server without the tables would not be healthy.
		await (await open(list([portOf(stays)]))).stop();
		const storage = await open(url);
		await storage.ping();
		await dies.kill();
		let answered = false;
		for (let tries = 0; !answered && tries < 100; tries++) {
			answered = await storage.ping().then(
				() => true,
				() => Bun.sleep(50).then(() => false),
			);
		}
		await storage.stop();
		const port = await portBehind(url);
		await dies.start(); // only a server that runs can be stopped
		expect([answered, port]).toEqual([true, portOf(stays)]);
	});
});

test("connections that fail do not use up the pool", async () => {
	const sql = connect(postgresAddress(`postgres://u:p@127.0.0.1:${freePort()}/d`, 2));
	for (let round = 0; round < 6; round++) {
		const { code } = await sql`SELECT 1`.catch((error) => error);
		expect(code).toBe("ECONNREFUSED");
	}
	await sql.end({ timeout: 1 });
});
