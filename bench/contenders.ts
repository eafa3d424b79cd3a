import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../test/support/ports.ts";

/** A server under measurement, in a process of its own. */
export interface Contender {
	readonly name: string;
	readonly url: string;
	readonly pid: number;
	stop(): Promise<void>;
}

/** Starts a contender fresh in an empty folder. */
export type Starter = (folder: string) => Promise<Contender>;

/** An answer that the bare server gives as it is. */
export interface Constant {
	readonly path: string;
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | null;
}

export const user = { email: "bench@example.com", password: "benchmark" };

/** What the chart and the tables call them. */
export const names = {
	ours: "orchestrator",
	bare: "bare Bun server",
	accounting: "bare, accounting",
	fastify: "Fastify + better-sqlite3",
	python: "FastAPI + SQLAlchemy",
} as const;

/** The binary with everything on: users, limiter, the request log in a file, events. */
export function startOurs(binary: string, databaseUrl?: string): Starter {
	return (folder) =>
		startProgram(names.ours, [binary], folder, {
			DATABASE_URL: databaseUrl ?? `sqlite:///${fileIn(folder)}`,
			DEV_USER_EMAIL: user.email,
			DEV_USER_PASSWORD: user.password,
			API_KEYS: "benchmark-key-0123456789",
			RATE_LIMIT: "100000000/minute",
			LOGIN_RATE_LIMIT: "100000000/minute",
			USER_RATE_LIMIT: "100000000/minute",
			LOG_FORMAT: "json",
		});
}

/** The limit on SQLite; `constant` is the answer to its reads, with or without accounting for them. */
export function startBare(
	name: typeof names.bare | typeof names.accounting,
	binary: string,
	constant?: Constant,
): Starter {
	return async (folder) =>
		startProgram(name, [process.execPath, join(import.meta.dir, "ceiling.ts")], folder, {
			DATABASE: await migratedFile(binary, folder),
			...(constant && { CONSTANT: JSON.stringify({ ...constant, isAccounted: name === names.accounting }) }),
		});
}

/** A bare server on Postgres, from one of the files here. */
export function startOnPostgres(name: string, file: string, databaseUrl: string): Starter {
	return (folder) =>
		startProgram(name, [process.execPath, join(import.meta.dir, file)], folder, {
			DATABASE_URL: databaseUrl,
		});
}

/** Undefined, once it has said why, where Node or the packages cannot be had. */
export async function findFastify(binary: string): Promise<Starter | undefined> {
	if (Bun.which("node") === null || Bun.which("npm") === null) {
		return missing(names.fastify, "node and npm are not on the PATH");
	}
	if (!existsSync(join(import.meta.dir, "node_modules/better-sqlite3/build"))) {
		console.log("Installing the dependencies of the contenders; compiling better-sqlite3 may take minutes.");
		await run([process.execPath, "install", "--frozen-lockfile", "--ignore-scripts"], import.meta.dir);
		await run(["npm", "rebuild", "better-sqlite3"], import.meta.dir);
	}
	const program = join(import.meta.dir, "fastify.mjs");
	return async (folder) =>
		startProgram(names.fastify, ["node", program], folder, { DATABASE: await migratedFile(binary, folder) });
}

const debianPython = "/usr/bin/python3";

/** Undefined, once it has said why, where Debian's packages are not installed. */
export async function findPython(): Promise<Starter | undefined> {
	const imports = "import fastapi, uvicorn, sqlalchemy, jose, passlib";
	const finds =
		existsSync(debianPython) && Bun.spawnSync([debianPython, "-c", imports], { stderr: "ignore" }).success;
	if (!finds) {
		return missing(
			names.python,
			"apt-get install python3-fastapi python3-uvicorn python3-sqlalchemy python3-jose python3-passlib",
		);
	}
	const program = join(import.meta.dir, "python/app.py");
	return (folder) =>
		startProgram(names.python, [debianPython, program], folder, {
			DATABASE: fileIn(folder),
			EMAIL: user.email,
			PASSWORD: user.password,
			PYTHONDONTWRITEBYTECODE: "1",
		});
}

function missing(name: string, how: string): undefined {
	console.log(`${name} is left out: ${how}.`);
	return undefined;
}

export function fileIn(folder: string): string {
	return join(folder, "tasks.db");
}

/** A new database file with the orchestrator's own tables. */
async function migratedFile(binary: string, folder: string): Promise<string> {
	mkdirSync(folder, { recursive: true });
	await migrate(binary, `sqlite:///${fileIn(folder)}`, folder);
	return fileIn(folder);
}

export function migrate(binary: string, databaseUrl: string, cwd: string): Promise<void> {
	return run([binary, "migrate"], cwd, { DATABASE_URL: databaseUrl });
}

async function run(command: string[], cwd: string, env: Record<string, string> = {}): Promise<void> {
	const child = Bun.spawn(command, {
		cwd,
		env: { ...inherited(), ...env },
		stdout: "ignore",
		stderr: "pipe",
	});
	const complaints = await child.stderr.text();
	if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed:\n${complaints}`);
}

/** Of the environment only what programs need to run at all: a `DATABASE_URL` of the user's must not come along. */
function inherited(): Record<string, string> {
	const { PATH = "", HOME = "/tmp" } = Bun.env;
	return { PATH, HOME };
}

const startWithinMs = 30_000;

/** Starts a program in a folder and waits until it answers. */
export async function startProgram(
	name: string,
	command: string[],
	folder: string,
	env: Record<string, string>,
): Promise<Contender> {
	mkdirSync(folder, { recursive: true });
	const port = freePort();
	const output = Bun.file(join(folder, "output.log"));
	const child = Bun.spawn(command, {
		cwd: folder,
		env: { ...inherited(), ...env, PORT: String(port) },
		stdout: output,
		stderr: Bun.file(join(folder, "errors.log")),
	});
	const url = `http://127.0.0.1:${port}`;
	const deadline = performance.now() + startWithinMs;
	while ((await fetch(`${url}/healthz`).catch(() => undefined)) === undefined) {
		if (child.exitCode !== null || performance.now() > deadline) {
			child.kill("SIGKILL");
			throw new Error(`${name} does not start; see ${folder}`);
		}
		await Bun.sleep(20);
	}
	return {
		name,
		url,
		pid: child.pid,
		async stop() {
			child.kill("SIGTERM");
			const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
			await child.exited;
			clearTimeout(timer);
		},
	};
}

/** The `Authorization` of the benchmark's user. A server may make its first user just after it listens. */
export async function logIn({ name, url }: Contender): Promise<string> {
	const deadline = performance.now() + startWithinMs;
	while (performance.now() < deadline) {
		const response = await fetch(`${url}/auth/login`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(user),
		});
		const { access_token: token } = (await response.json()) as { access_token?: string };
		if (token !== undefined) return `Bearer ${token}`;
		await Bun.sleep(50);
	}
	throw new Error(`${name} lets nobody log in`);
}
