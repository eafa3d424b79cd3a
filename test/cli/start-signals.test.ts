import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { newFolder } from "../support/databases.ts";
import { readyUrl, type StartedProgram, startProgram } from "../support/process.ts";
import { holdLock } from "../support/sqlite-lock.ts";
import { onEnd } from "../support/teardown.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

const program = [await binary()];

/** Less than the 10 s that a start waits for SQLite, and the 30 s for Postgres, on a busy machine. */
const promptlyMs = 4000;

/** A SQLite file whose lock another process holds, either before the first migration or after. */
async function lockedDatabase(isMigrated: boolean): Promise<string> {
	const path = join(newFolder(), "locked.db");
	if (isMigrated) await startProgram([...program, "migrate"], { DATABASE_URL: `sqlite:///${path}` }).exited;
	new Database(path, { create: true }).close();
	await holdLock(path);
	return path;
}

/** Expects that a signal ends the program with this code, long before what it waits for. */
async function expectEnd(started: StartedProgram, signal: NodeJS.Signals, code: number): Promise<void> {
	const sent = performance.now();
	started.signal(signal);
	expect(await started.exited).toBe(code);
	expect(performance.now() - sent).toBeLessThan(promptlyMs);
}

describe.each([false, true])("a start that waits for SQLite's lock (migrated before: %p)", (isMigrated) => {
	test.each(["SIGTERM", "SIGINT"] as const)("ends with %s at once, with exit code 0", async (signal) => {
		const path = await lockedDatabase(isMigrated);
		const started = startProgram([...program, "serve"], { DATABASE_URL: `sqlite:///${path}` });
		await started.printed(/"msg":"Another process holds the lock of [^"]+locked\.db; waiting for it\."/);
		await expectEnd(started, signal, 0);
		expect(started.output()).toContain(`"signal":"${signal}","msg":"Stopping."`);
		expect(started.output()).not.toMatch(readyUrl);
	});
});

test("a start that waits for SQLite's lock gets it when it is free", async () => {
	const path = join(newFolder(), "locked.db");
	new Database(path, { create: true }).close();
	const release = await holdLock(path);
	const started = startProgram([...program, "serve"], { DATABASE_URL: `sqlite:///${path}` });
	await started.printed(/waiting for it/);
	await release();
	await started.printed(readyUrl);
	expect(started.output().match(/waiting for it/g)).toHaveLength(1);
	await expectEnd(started, "SIGTERM", 0);
});

describe.skipIf(!existsSync("/proc/self/fd"))("a command that waits for SQLite's lock", () => {
	test.each(["migrate", "user list"])("%s ends with SIGTERM at once", async (words) => {
		const path = await lockedDatabase(false);
		const command = [...program, ...words.split(" ")];
		const started = startProgram(command, { DATABASE_URL: `sqlite:///${path}` });
		while (!hasOpen(started.pid, path)) await Bun.sleep(5);
		await expectEnd(started, "SIGTERM", 128 + 15);
	});
});

function hasOpen(pid: number, path: string): boolean {
	const folder = `/proc/${pid}/fd`;
	return readdirSync(folder).some((descriptor) => {
		try {
			return readlinkSync(join(folder, descriptor)) === path;
		} catch {
			return false;
		}
	});
}

test.each(["SIGTERM", "SIGINT"] as const)(
	"a start that waits for a Postgres that accepts and does not answer ends with %s at once",
	async (signal) => {
		const { promise: asked, resolve } = Promise.withResolvers<void>();
		const silent = Bun.listen({
			hostname: "127.0.0.1",
			port: 0,
			socket: { open: () => resolve(), data() {} },
		});
		onEnd(() => silent.stop(true));
		const started = startProgram([...program, "serve"], {
			DATABASE_URL: `postgres://ada:secret@127.0.0.1:${silent.port}/plans`,
		});
		await asked;
		await expectEnd(started, signal, 0);
		expect(started.output()).not.toContain("secret");
	},
);
