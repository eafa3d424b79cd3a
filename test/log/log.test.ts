import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { newFolder } from "../support/databases.ts";
import { freePort } from "../support/ports.ts";
import { environment, fromSource } from "../support/process.ts";
import { onEnd } from "../support/teardown.ts";

// Whole processes are started.
setDefaultTimeout(60_000);

interface Line {
	readonly line?: number;
	readonly msg: string;
}

/** What a reader gets that reads nothing before the talker has logged everything and is about to end. */
async function heard(lines: number): Promise<readonly Line[]> {
	const said = newFifo();
	const talker = `"${process.execPath}" "${join(import.meta.dir, "talker.ts")}"`;
	const reader = Bun.spawn(["sh", "-c", `${talker} | { read -r _ <"$SAID"; cat; }`], {
		env: environment({ LINES: String(lines), SAID: said }),
		stdout: "pipe",
	});
	const text = await reader.stdout.text();
	return text
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line));
}

test("a reader that is slow gets every line once, whole and in order, to the last", async () => {
	const count = 4000;
	const lines = await heard(count);
	expect(lines.map(({ line }) => line)).toEqual(Array.from({ length: count }, (_, line) => line));
});

test("a reader that goes away ends nothing and holds nothing up", async () => {
	const said = join(newFolder(), "said");
	const talker = Bun.spawn(
		["sh", "-c", `("${process.execPath}" "${join(import.meta.dir, "talker.ts")}"; echo "$?" >&2) | true`],
		{ env: environment({ LINES: "4000", SAID: said }), stdout: "ignore", stderr: "pipe" },
	);
	expect(await talker.stderr.text()).toBe("0\n");
	expect(await Bun.file(said).exists()).toBe(true);
});

test("what nobody takes is bounded: lines beyond are dropped, and a line says how many", async () => {
	const count = 60_000;
	const lines = await heard(count);
	const last = lines.at(-1)?.msg ?? "";
	const dropped = Number(/^(\d+) log lines were dropped: nobody took them$/.exec(last)?.[1]);
	expect(dropped).toBeGreaterThan(1000);
	expect(lines.length - 1 + dropped).toBe(count);
});

/** A server that has more to log than the pipe holds, and nobody who reads it. */
async function unreadServer() {
	const port = String(freePort());
	const fifo = newFifo();
	const server = `"${fromSource.join('" "')}"`;
	const shell = Bun.spawn(
		[
			"sh",
			"-c",
			`exec 3>&1; { ${server} & echo "$!" >&3; wait "$!"; echo "ended $?" >&3; } | read -r _ <"$SAID"`,
		],
		{
			env: environment({ PORT: port, RATE_LIMIT: "off", DATABASE_URL: "sqlite://:memory:", SAID: fifo }),
			stdout: "pipe",
		},
	);
	// Lets the reader end.
	onEnd(() => Bun.spawnSync(["timeout", "1", "sh", "-c", ': >"$0"', fifo]));
	const printed = shell.stdout.pipeThrough(new TextDecoderStream()).getReader();
	const pid = Number((await printed.read()).value);
	onEnd(() => Bun.spawnSync(["kill", "-KILL", String(pid)], { stderr: "ignore" }));
	const health = () => fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
	while ((await health())?.status !== 200) await Bun.sleep(5);
	for (let request = 0; request < 1000; request++) await health();
	return { pid, health, ended: async () => (await printed.read()).value };
}

test("a signal ends the program in bounded time although nobody reads what it still has to log", async () => {
	const { pid, ended } = await unreadServer();
	process.kill(pid, "SIGTERM");
	expect(await ended()).toBe("ended 0\n");
});

test("a second signal ends the program at once although nobody reads what it still has to log", async () => {
	const { pid, health, ended } = await unreadServer();
	process.kill(pid, "SIGTERM");
	while ((await health()) !== undefined) await Bun.sleep(5);
	const started = performance.now();
	process.kill(pid, "SIGTERM");
	expect(await ended()).toBe("ended 1\n");
	expect(performance.now() - started).toBeLessThan(1500);
});

/** A pipe with a name that nobody writes to. */
function newFifo(): string {
	const path = join(newFolder(), "fifo");
	Bun.spawnSync(["mkfifo", path]);
	return path;
}
