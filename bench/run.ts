import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compile } from "../build.ts";
import { postgresUrl } from "../test/support/postgres.ts";
import { tearDown } from "../test/support/teardown.ts";
import type { Pace } from "./alternate.ts";
import { findFastify, findPython } from "./contenders.ts";
import { measureCoordination } from "./coordination.ts";
import { generatorCheck, percent } from "./generator.ts";
import { measureGrowth } from "./growth.ts";
import { requireWrk } from "./load.ts";
import { facts } from "./machine.ts";
import { measureMemory } from "./memory.ts";
import { measurePostgres } from "./postgres.ts";
import { printed, report, type Section } from "./report.ts";
import { eventSection, jobSection, startSection } from "./sections.ts";
import { measureTasks } from "./tasks.ts";

/**
 * `bun run bench`: builds the binary and measures it beside its limits and its peers. `bun bench/run.ts tasks` runs
 * one part (or several), `--quick` takes few and short samples. A whole run writes bench/RESULTS.md and RESULTS.svg;
 * anything less writes them to dist/bench, so that it never passes for one.
 */

/** What a part is given. */
interface Bench {
	readonly binary: string;
	/** Empty, and the part's own. */
	readonly folder: string;
	readonly pace: Pace;
}

/** A part answers undefined where what it needs cannot be had. */
const parts: Readonly<Record<string, (bench: Bench) => Promise<Section | undefined>>> = {
	async tasks({ binary, folder, pace }) {
		const peers = { fastify: await findFastify(binary), python: await findPython() };
		return measureTasks(binary, peers, folder, pace);
	},
	growth: ({ binary, folder, pace }) => measureGrowth(binary, folder, pace),
	memory: ({ binary, folder, pace }) => measureMemory(binary, folder, pace),
	async postgres({ binary, folder, pace }) {
		const server = await postgresUrl();
		return server === undefined ? undefined : measurePostgres(binary, server, folder, pace);
	},
	start: startSection,
	events: eventSection,
	jobs: jobSection,
	coordination: ({ binary, folder, pace }) => measureCoordination(binary, folder, { tasks: 1_000_000, pace }),
};

const { values, positionals } = parseArgs({
	options: { quick: { type: "boolean", default: false } },
	allowPositionals: true,
});
const unknown = positionals.filter((name) => !(name in parts));
if (unknown.length > 0) {
	console.error(`There is no part ${unknown.join(", ")}; there are ${Object.keys(parts).join(", ")}.`);
	process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), "orchestrator-bench-"));
try {
	requireWrk();
	const all = Object.keys(parts);
	await run(positionals.length > 0 ? all.filter((name) => positionals.includes(name)) : all, values.quick);
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
} finally {
	await tearDown();
	rmSync(folder, { recursive: true, force: true });
}

async function run(chosen: readonly string[], isQuick: boolean): Promise<void> {
	const pace: Pace = isQuick ? { seconds: 1, rounds: 2 } : { seconds: 2, rounds: 5 };
	const binary = await compile("src/main.ts", join(folder, "orchestrator"));
	const limit = await generatorCheck(binary, folder, pace);
	const sections: Section[] = [];
	async function write(results: string): Promise<void> {
		mkdirSync(results, { recursive: true });
		const share = Math.max(...sections.map(({ generatorShareMax }) => generatorShareMax));
		const { markdown, svg } = report(sections, {
			date: new Date().toISOString().slice(0, 10),
			facts: await facts(),
			generator: `${limit} In the measurements above wrk took ${percent(share)} of a core at the most.`,
			method: `Contenders took turns in one run. On SQLite and Postgres and for growth, each figure is the median of ${pace.rounds} samples of ${pace.seconds} s, each ratio the median of the rounds' own ratios.`,
		});
		writeFileSync(join(results, "RESULTS.md"), markdown);
		writeFileSync(join(results, "RESULTS.svg"), svg);
	}
	for (const name of chosen) {
		const own = join(folder, name);
		mkdirSync(own);
		const section = await parts[name]?.({ binary, folder: own, pace });
		rmSync(own, { recursive: true });
		if (section === undefined) continue;
		console.log(printed(section));
		sections.push(section);
		// After each part, so that one that fails takes nothing of the others along.
		await write(join(import.meta.dir, "../dist/bench"));
	}
	const isWhole = chosen.length === Object.keys(parts).length && !isQuick;
	if (isWhole) await write(import.meta.dir);
	console.log(`${limit}\nWritten: RESULTS.md and RESULTS.svg in ${isWhole ? "bench" : "dist/bench"}`);
}
