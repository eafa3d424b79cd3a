import { expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newFolder } from "../support/databases.ts";
import { holdLock } from "../support/sqlite-lock.ts";
import { onEnd } from "../support/teardown.ts";
import { expectEnd, expectWhole, Load, serve } from "./load.ts";

const megabyte = 1024 * 1024;

/** A disk of a few megabytes; undefined, and noted as skipped, if this user may not mount one. */
async function smallDisk(): Promise<string | undefined> {
	const folder = newFolder();
	const size = `size=${8 * megabyte}`;
	const mount = Bun.spawn(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], { stderr: "ignore" });
	if ((await mount.exited) === 0) {
		onEnd(() => Bun.spawn(["umount", "--lazy", folder]).exited);
		return folder;
	}
	console.warn(
		"No disk can be mounted here (that takes root), so a full one was skipped; the quota was not.",
	);
	return undefined;
}

/** Expects of a server whose database cannot grow: reads work, writes are 503, and it is healthy. */
async function expectReadOnly(url: string, load: Load): Promise<void> {
	const before = load.refused;
	await load.until(() => load.refused > before + 50);
	for (const path of ["/collab/state/tasks?limit=1", "/events?limit=1", "/healthz"]) {
		expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
	}
	expect(load.lost).toBe(0);
}

const disk = await smallDisk();
test.if(disk !== undefined)(
	"a full disk: writes are 503, nothing acknowledged is lost, and once there is room they succeed again",
	async () => {
		const folder = disk ?? "";
		const server = await serve(`sqlite:///${folder}/orchestrator.db`);
		const load = await Load.on(server.url);
		const filler = join(folder, "filler");
		for (const _ of [1, 2]) {
			await load.more(50);
			// More than there is room for: the write fills the rest.
			await writeFile(filler, Buffer.alloc(16 * megabyte)).catch(() => undefined);
			await expectReadOnly(server.url, load);
			await rm(filler);
		}
		await load.more(50);
		await expectWhole(server.url, load);
		await expectEnd(server);
	},
	120_000,
);

test("a file size limit that is reached: the same", async () => {
	// The kernel sends SIGXFSZ at the limit, which would end the process.
	const server = await serve(
		`sqlite:///${newFolder()}/orchestrator.db`,
		"sh",
		"-c",
		`trap '' XFSZ; exec "$0"`,
	);
	const load = await Load.on(server.url);
	const limit = (bytes: number | "unlimited") => {
		return Bun.spawn(["prlimit", `--pid=${server.pid}`, `--fsize=${bytes}:unlimited`]).exited;
	};
	await load.more(50);
	expect(await limit(megabyte)).toBe(0);
	await expectReadOnly(server.url, load);
	expect(await limit("unlimited")).toBe(0);
	await load.more(50);
	await expectWhole(server.url, load);
	await expectEnd(server);
}, 120_000);

test("a file that another process locks: writes wait, are 503 after 10 s, and succeed again when it is free", async () => {
	const path = join(newFolder(), "orchestrator.db");
	const server = await serve(`sqlite:///${path}`);
	const load = await Load.on(server.url);
	await load.more(50);

	const briefly = await holdLock(path);
	const before = load.acknowledged;
	for (let n = 0; n < 10; n++)
		expect((await fetch(`${server.url}/collab/state/tasks?limit=1`)).status).toBe(200);
	await briefly();
	await load.more(50);
	expect([load.acknowledged > before, load.refused, load.lost]).toEqual([true, 0, 0]);

	const long = await holdLock(path);
	await load.until(() => load.refused >= 8);
	expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
	await long();
	await load.more(50);
	expect(load.lost).toBe(0);
	await expectWhole(server.url, load);
	await expectEnd(server);
}, 120_000);
