import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { newFolder } from "../support/databases.ts";
import { environment } from "../support/process.ts";

// Whole processes are started.
setDefaultTimeout(60_000);

interface Line {
	readonly line?: number;
	readonly msg: string;
}

/** What a reader gets that reads nothing before the talker has logged everything and is about to end. */
async function heard(lines: number): Promise<readonly Line[]> {
	const said = join(newFolder(), "said");
	const talker = `"${process.execPath}" "${join(import.meta.dir, "talker.ts")}"`;
	const reader = Bun.spawn(["sh", "-c", `mkfifo "$SAID" && ${talker} | { read -r _ <"$SAID"; cat; }`], {
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
