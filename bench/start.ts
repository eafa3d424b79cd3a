import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "../build.ts";

/**
 * How long the binary takes from being started to its first 200, and what it holds at rest, against a compiled Bun
 * program that serves one constant route. Runs alternate, so that a noisy machine is noisy to both.
 */
export interface StartFigures {
	readonly name: string;
	readonly millisecondsToFirst200: number;
	readonly megabytesAtRest: number;
}

const runs = 15;
const restMs = 1000;

/** Medians of alternating runs: the program, then the yardstick. */
export async function measureStart(): Promise<readonly [StartFigures, StartFigures]> {
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-bench-"));
	try {
		const program = await compile("src/main.ts", join(folder, "orchestrator"));
		const yardstick = await compile("bench/constant.ts", join(folder, "constant"));
		await runOnce(program, folder); // makes the database and the first user
		const samples: [Sample[], Sample[]] = [[], []];
		for (let run = 0; run < runs; run++) {
			samples[0].push(await runOnce(program, folder));
			samples[1].push(await runOnce(yardstick, folder));
		}
		return [figures("orchestrator", samples[0]), figures("one constant route", samples[1])];
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

interface Sample {
	readonly milliseconds: number;
	readonly megabytes: number;
}

async function runOnce(program: string, cwd: string): Promise<Sample> {
	const port = freePort();
	const startedAt = performance.now();
	const child = Bun.spawn([program], {
		cwd,
		env: { PORT: String(port), LOG_FORMAT: "json" },
		stdout: "ignore",
		stderr: "ignore",
	});
	try {
		await first200(`http://127.0.0.1:${port}/healthz`);
		const milliseconds = performance.now() - startedAt;
		await Bun.sleep(restMs);
		return { milliseconds, megabytes: residentMegabytes(child.pid) };
	} finally {
		child.kill("SIGTERM");
		await child.exited;
	}
}

async function first200(url: string): Promise<void> {
	const deadline = performance.now() + 10_000;
	while (performance.now() < deadline) {
		const response = await fetch(url).catch(() => undefined);
		if (response?.status === 200) return;
		await Bun.sleep(0.5);
	}
	throw new Error(`${url} did not answer 200 within 10 s`);
}

function residentMegabytes(pid: number): number {
	const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
	return Number(kilobytes) / 1024;
}

function freePort(): number {
	const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
	const { port } = probe;
	probe.stop(true);
	return port;
}

function figures(name: string, samples: readonly Sample[]): StartFigures {
	return {
		name,
		millisecondsToFirst200: median(samples.map(({ milliseconds }) => milliseconds)),
		megabytesAtRest: median(samples.map(({ megabytes }) => megabytes)),
	};
}

function median(values: readonly number[]): number {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.main) {
	const [program, yardstick] = await measureStart();
	for (const { name, millisecondsToFirst200: ms, megabytesAtRest: mb } of [program, yardstick]) {
		console.log(`${name}: ${ms.toFixed(1)} ms to the first 200, ${mb.toFixed(1)} MB at rest`);
	}
	const start = program.millisecondsToFirst200 / yardstick.millisecondsToFirst200;
	const memory = program.megabytesAtRest / yardstick.megabytesAtRest;
	console.log(`ratios: start ${start.toFixed(2)}, memory ${memory.toFixed(2)}`);
}
