import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
	chmodSync,
	closeSync,
	copyFileSync,
	existsSync,
	openSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { newFolder } from "../support/databases.ts";
import { runProgram, type ServerProcess, startProcess } from "../support/process.ts";
import { logIn, testEmail, testPassword } from "../support/users.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

const program = [await binary()];

const isWindows = process.platform === "win32";
const isLinux = process.platform === "linux";

function environment(path: string) {
	return {
		DATABASE_URL: `sqlite:///${path}`,
		DEV_USER_EMAIL: testEmail,
		DEV_USER_PASSWORD: testPassword,
		API_KEYS: "files-key-0123456789",
		LOG_LEVEL: "warn",
	};
}

interface Server extends ServerProcess {
	/** The status and the error's type, if it is one, of an attempt to create a task. */
	create(title: string): Promise<string>;
	/** The same of a GET. */
	get(path: string): Promise<string>;
	/** Every line of the log. */
	lines(): readonly { readonly level: number; readonly msg: string; readonly mode?: string }[];
}

async function serve(path: string): Promise<Server> {
	const server = await startProcess(program, environment(path));
	const headers = {
		authorization: await logIn(server.url),
		"x-api-key": environment(path).API_KEYS,
		"content-type": "application/json",
	};
	const ask = async (address: string, init: RequestInit = {}) => {
		const response = await fetch(server.url + address, { headers, ...init });
		const { type } = (await response.json()) as { type?: string };
		return response.ok ? "200" : `${response.status} ${type}`;
	};
	return {
		...server,
		create: (title) => ask("/collab/tasks", { method: "POST", body: JSON.stringify({ title }) }),
		get: (address) => ask(address),
		lines: () =>
			server
				.output()
				.split("\n")
				.filter((line) => line.startsWith("{"))
				.map((line) => JSON.parse(line))
				.filter(({ msg }) => msg !== "Ready."),
	};
}

function mode(path: string): string {
	return (statSync(path).mode & 0o777).toString(8);
}

/** The program under a umask, which a process can only inherit. */
function underUmask(umask: string, ...words: readonly string[]): readonly string[] {
	return ["sh", "-c", `umask ${umask}; exec "$0" "$@"`, ...program, ...words];
}

describe.skipIf(isWindows)("a SQLite file is its owner's alone", () => {
	test.each(["000", "022", "077"])(
		"under umask %s: with its WAL and index while it is served",
		async (umask) => {
			const path = join(newFolder(), "a.db");
			const server = await startProcess(underUmask(umask, "serve"), environment(path));
			expect(readdirSync(join(path, "..")).sort()).toEqual(["a.db", "a.db-shm", "a.db-wal"]);
			expect(["", "-wal", "-shm"].map((suffix) => mode(path + suffix))).toEqual(["600", "600", "600"]);
			expect(server.output()).not.toContain("chmod");
			await server.end("SIGTERM");
		},
	);

	test("whichever command creates it, and where a symbolic link leads to a file that is not there yet", async () => {
		const folder = newFolder();
		for (const words of [["migrate"], ["user", "list"]]) {
			const path = join(folder, `${words[0]}.db`);
			await runProgram(underUmask("000", ...words), environment(path));
			expect(mode(path)).toBe("600");
		}
		symlinkSync(join(folder, "target.db"), join(folder, "link.db"));
		await runProgram(underUmask("000", "migrate"), environment(join(folder, "link.db")));
		expect(mode(join(folder, "target.db"))).toBe("600");
		const copy = join(folder, "copy.db");
		await runProgram(underUmask("000", "backup", copy), environment(join(folder, "migrate.db")));
		await runProgram(underUmask("000", "restore", copy), environment(join(folder, "restored.db")));
		expect([mode(copy), mode(join(folder, "restored.db"))]).toEqual(["600", "600"]);
	});

	test("or the start says which of its files is not, and leaves its mode", async () => {
		const path = join(newFolder(), "a.db");
		await runProgram([...program, "migrate"], environment(path));
		chmodSync(path, 0o640);
		const first = await serve(path);
		await first.end("SIGKILL");
		expect(first.lines().map(({ level, mode }) => [level, mode])).toEqual(Array(3).fill([40, "0640"]));
		for (const [index, suffix] of ["", "-wal", "-shm"].entries()) {
			expect(first.lines()[index]?.msg).toBe(
				`Other users of this machine can open ${path}${suffix}, which has the secret that signs tokens. If they should not: chmod 600 ${path}${suffix}`,
			);
		}
		expect(mode(path)).toBe("640");

		// SQLite keeps the mode of a WAL that was left behind.
		chmodSync(path, 0o600);
		const second = await serve(path);
		expect(second.lines().map(({ msg }) => / open (\S+),/.exec(msg)?.[1])).toEqual([
			`${path}-wal`,
			`${path}-shm`,
		]);
		await second.end("SIGTERM");
	});
});

interface Place {
	readonly path: string;
	/** Another database of this program. */
	readonly other: string;
	/** A backup of the served one. */
	readonly backup: string;
}

const gone = /was removed or replaced while this server used it\. Put it back; or stop the server/;
const damaged =
	/is damaged, or was overwritten while this server used it\. Stop the server, restore a backup/;

/** What happens to the file, the log's line, and whether only a process on Linux can tell that a backup must fail. */
const faults: readonly (readonly [string, RegExp, (place: Place) => void, "linux" | "anywhere"])[] = [
	["is removed", gone, ({ path }) => rmSync(path), "anywhere"],
	["is removed with its WAL and index", gone, ({ path }) => removeAll(path), "anywhere"],
	["is renamed", gone, ({ path }) => renameSync(path, `${path}.old`), "anywhere"],
	["is replaced", gone, ({ path, other }) => renameSync(other, path), "linux"],
	[
		"is replaced, and its WAL and index removed",
		gone,
		({ path, other }) => {
			removeAll(path);
			renameSync(other, path);
		},
		"linux",
	],
	[
		"is renamed, and another one put in its place",
		gone,
		({ path, other }) => {
			renameSync(path, `${path}.old`);
			renameSync(other, path);
		},
		"linux",
	],
	[
		"is moved with its folder",
		gone,
		({ path }) => renameSync(join(path, ".."), `${join(path, "..")}.old`),
		"anywhere",
	],
	["loses its WAL", gone, ({ path }) => rmSync(`${path}-wal`), "linux"],
	["loses its index", gone, ({ path }) => rmSync(`${path}-shm`), "linux"],
	["is emptied", damaged, ({ path }) => truncateSync(path, 0), "anywhere"],
	["is cut short", damaged, ({ path }) => truncateSync(path, 8192), "anywhere"],
	[
		"is overwritten with zeros",
		damaged,
		({ path }) => overwrite(path, 0, 0, statSync(path).size),
		"anywhere",
	],
	[
		"is overwritten with a text",
		damaged,
		({ path }) => writeFileSync(path, "Dear Ada, ".repeat(10_000)),
		"anywhere",
	],
	[
		"is overwritten with a backup of itself",
		damaged,
		({ path, backup }) => copyFileSync(backup, path),
		"anywhere",
	],
];

function removeAll(path: string): void {
	for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix);
}

/** Overwrites a part of the file in place. */
function overwrite(path: string, byte: number, from: number, length: number): void {
	const file = openSync(path, "r+");
	writeSync(file, Buffer.alloc(length, byte), 0, length, from);
	closeSync(file);
}

/** A server with one task, in a folder of its own. */
async function served(): Promise<Place & { readonly server: Server; readonly folder: string }> {
	const folder = join(newFolder(), "data");
	const [path, other, backup] = [join(folder, "a.db"), join(folder, "other.db"), join(folder, "a.backup")];
	await Bun.write(join(folder, "created"), "");
	await runProgram([...program, "migrate"], environment(other));
	const server = await serve(path);
	expect(await server.create("kept")).toBe("200");
	expect(await runProgram([...program, "backup", backup], environment(path))).toMatchObject({ code: 0 });
	return { server, folder, path, other, backup };
}

describe.skipIf(isWindows)("a SQLite file that, under its server,", () => {
	test.each([...faults])(
		"%s: health and every write are 503, one line in the log says it, and no backup is made",
		async (_name, line, happens, knownOn) => {
			const { server, path, folder, ...rest } = await served();
			happens({ path, ...rest });
			// The write comes first: nothing else has looked at the file before.
			expect(await server.create("lost")).toBe("503 unavailable");
			for (let n = 0; n < 3; n++) {
				expect(await server.get("/healthz")).toBe("503 unavailable");
				expect(await server.create("lost")).toBe("503 unavailable");
			}
			if (knownOn === "anywhere" || isLinux) {
				const out = join(folder, "..", "out");
				const backup = await runProgram([...program, "backup", out], environment(path));
				expect([backup.code, backup.stdout]).toEqual([1, ""]);
				expect(backup.stderr).toMatch(/^orchestrator: [^\n]+\n$/);
				expect(existsSync(out)).toBe(false);
			}
			expect(await server.end("SIGTERM")).toBe(0);
			expect(server.lines().map(({ level }) => level)).toEqual([50]);
			expect(server.lines()[0]?.msg).toMatch(line);
			expect(server.lines()[0]?.msg).toContain(path);
		},
	);

	test("is emptied or overwritten: health is 503 before any write", async () => {
		for (const happens of [
			({ path }: Place) => truncateSync(path, 0),
			({ path }: Place) => overwrite(path, 0, 0, statSync(path).size),
			({ path, other }: Place) => copyFileSync(other, path),
		]) {
			const { server, ...place } = await served();
			happens(place);
			expect(await server.get("/healthz")).toBe("503 unavailable");
			await server.end("SIGKILL");
		}
	});

	test("has its WAL emptied: the next write is not acknowledged", async () => {
		const { server, path } = await served();
		truncateSync(`${path}-wal`, 0);
		expect(await server.create("lost")).toBe("503 unavailable");
		expect(await server.get("/healthz")).toBe("503 unavailable");
		await server.end("SIGKILL");
	});

	test.each(["", "folder"])(
		"is renamed and put back (%s): writes go on, and nothing is lost",
		async (what) => {
			const { server, path, folder } = await served();
			const moved = what === "folder" ? folder : path;
			renameSync(moved, `${moved}.old`);
			expect(await server.create("while it is away")).toBe("503 unavailable");
			renameSync(`${moved}.old`, moved);
			expect(await server.create("again")).toBe("200");
			expect(await server.get("/healthz")).toBe("200");
			expect(await server.end("SIGTERM")).toBe(0);
			expect(server.lines().map(({ level }) => level)).toEqual([50, 40]);
			const database = new Database(path, { readonly: true });
			const titles = database.query<{ title: string }, []>("SELECT title FROM tasks ORDER BY seq").all();
			database.close();
			expect(titles.map(({ title }) => title).filter((title) => !title.includes("away"))).toEqual([
				"kept",
				"again",
			]);
		},
	);

	test("is reached by a symbolic link that is changed: the same", async () => {
		const { server: direct, path, other, folder } = await served();
		await direct.end("SIGTERM");
		const link = join(folder, "..", "link.db");
		symlinkSync(path, link);
		const server = await serve(link);
		expect(await server.create("through the link")).toBe("200");
		rmSync(link);
		symlinkSync(other, link);
		expect(await server.create("lost")).toBe("503 unavailable");
		expect(await server.get("/healthz")).toBe("503 unavailable");
		await server.end("SIGTERM");
	});

	test("is vacuumed, checkpointed and has its mode taken away by somebody else: nothing is wrong", async () => {
		const { server, path } = await served();
		using database = new Database(path);
		database.run("PRAGMA busy_timeout = 10000");
		database.run(
			"CREATE TABLE filler AS SELECT randomblob(1000) FROM json_each(json_array(1,2,3,4,5,6,7,8,9))",
		);
		database.run("PRAGMA wal_checkpoint(TRUNCATE)");
		expect(await server.create("before")).toBe("200");
		database.run("DROP TABLE filler");
		database.run("VACUUM");
		database.run("PRAGMA wal_checkpoint(TRUNCATE)");
		chmodSync(path, 0);
		expect([await server.get("/healthz"), await server.create("after")]).toEqual(["200", "200"]);
		chmodSync(path, 0o600);
		expect(await server.end("SIGTERM")).toBe(0);
		expect(server.lines()).toEqual([]);
	});
});

test.each([2, 3, 5])(
	"pages that are damaged under the server are 503 on every route, and one line (from page %i)",
	async (page) => {
		const { server, path } = await served();
		const size = checkpointed(path);
		overwrite(path, 0x5a, 4096 * page, size - 4096 * page);
		const routes = [
			"/collab/state/tasks?limit=7",
			"/collab/state/tasks",
			"/events?limit=7",
			"/jobs?limit=7",
			"/jobs/stats",
		];
		const id = "019ab2f4-7c1e-7a52-9d0b-5a4f1f0c2e77";
		const answers = new Set<string>();
		for (let n = 0; n < 3; n++) {
			for (const route of [...routes, `/collab/tasks/${id}`, `/jobs/${id}`])
				answers.add(await server.get(route));
			answers.add(await server.create("lost"));
			answers.add(await server.get("/healthz"));
		}
		// What the process still has in memory, it may answer.
		expect([...answers].filter((answer) => !["200", "404 not_found"].includes(answer))).toEqual([
			"503 unavailable",
		]);
		expect(await server.get("/healthz")).toBe("503 unavailable");
		expect(await server.create("lost")).toBe("503 unavailable");
		await server.end("SIGTERM");
		expect(server.lines().filter(({ msg }) => damaged.test(msg))).toHaveLength(1);
		expect(server.output().match(/SQLITE_CORRUPT/g)?.length ?? 0).toBeLessThanOrEqual(1);
	},
);

/** Brings everything into the file itself; returns its size. */
function checkpointed(path: string): number {
	using database = new Database(path);
	database.run("PRAGMA wal_checkpoint(TRUNCATE)");
	return statSync(path).size;
}
