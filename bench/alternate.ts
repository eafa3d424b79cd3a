import { readFileSync } from "node:fs";
import type { Contender } from "./contenders.ts";
import { type LoadRequest, load, workedOff } from "./load.ts";

/** How long and how often each contender is measured. */
export interface Pace {
	/** Of one measurement, and of each warm-up. */
	readonly seconds: number;
	readonly rounds: number;
}

/** A contender and what it is asked. */
export interface Entry {
	readonly name: string;
	/** More than one: they share the connections, and their rates are summed. */
	readonly contenders: readonly Contender[];
	readonly requests: readonly LoadRequest[];
}

/** One measurement. */
export interface Sample {
	readonly perSecond: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
	/** Processor time of the server's process for one request. */
	readonly cpuMicros: number;
	/** Share of one core that the server, and that the load generator took. */
	readonly serverShare: number;
	readonly generatorShare: number;
}

/** The samples of each entry, in its place; those of one round were taken one after the other. */
export type Samples = readonly (readonly Sample[])[];

/** Warms every entry up, then measures them in turn, each round from another one on, so that noise meets them all. */
export async function alternate(
	entries: readonly Entry[],
	connections: number,
	{ seconds, rounds }: Pace,
): Promise<Samples> {
	for (const entry of entries) await sample(entry, connections, seconds);
	const samples: Sample[][] = entries.map(() => []);
	for (let round = 0; round < rounds; round++) {
		for (let turn = 0; turn < entries.length; turn++) {
			const index = (round + turn) % entries.length;
			const entry = entries[index];
			if (entry !== undefined) samples[index]?.push(await sample(entry, connections, seconds));
		}
	}
	return samples;
}

async function sample(entry: Entry, connections: number, seconds: number): Promise<Sample> {
	const { name, contenders, requests } = entry;
	const before = cpuSeconds(contenders);
	const results = await Promise.all(
		contenders.map(({ url }) =>
			load({ url, requests, connections: connections / contenders.length, seconds }),
		),
	);
	const used = cpuSeconds(contenders) - before;
	for (const { url } of contenders) for (const request of requests.slice(0, 1)) await workedOff(url, request);
	const refused = sum(results.map((result) => result.refused));
	if (refused > 0)
		throw new Error(`${name} refused ${refused} requests such as ${JSON.stringify(requests[0])}`);
	return {
		perSecond: sum(results.map(({ perSecond }) => perSecond)),
		p50Ms: Math.max(...results.map(({ p50Ms }) => p50Ms)),
		p99Ms: Math.max(...results.map(({ p99Ms }) => p99Ms)),
		cpuMicros: (used * 1e6) / sum(results.map((result) => result.requests)),
		serverShare: used / seconds,
		generatorShare: sum(results.map(({ generatorShare }) => generatorShare)),
	};
}

/** A tick of /proc is 10 ms on every Linux. */
const ticksPerSecond = 100;

export function cpuSeconds(contenders: readonly Contender[]): number {
	return sum(
		contenders.map(({ pid }) => {
			const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
			// utime and stime; the name before them, in brackets, may hold blanks (proc_pid_stat(5)).
			const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
		}),
	);
}

export function megabytes({ pid }: Contender): number {
	const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
	return Number(kilobytes) / 1024;
}

/** The middle of the samples' figures. */
export function middle(samples: readonly Sample[]): Sample {
	const of = (figure: keyof Sample) => median(samples.map((each) => each[figure]));
	return {
		perSecond: of("perSecond"),
		p50Ms: of("p50Ms"),
		p99Ms: of("p99Ms"),
		cpuMicros: of("cpuMicros"),
		serverShare: of("serverShare"),
		generatorShare: of("generatorShare"),
	};
}

/** The middle of the ratios of each round: what disturbs a whole round disturbs no ratio. */
export function ratio(
	ours: readonly Sample[],
	theirs: readonly Sample[],
	of: (ours: Sample, theirs: Sample) => number,
): number {
	return median(
		ours.flatMap((sample, round) => {
			const other = theirs[round];
			return other === undefined ? [] : [of(sample, other)];
		}),
	);
}

export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const half = sorted.length / 2;
	return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2;
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}
