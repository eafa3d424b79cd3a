import { join } from "node:path";
import { median, megabytes, type Pace } from "./alternate.ts";
import { type Contender, names, startBare, startOurs } from "./contenders.ts";
import { type LoadRequest, load, workedOff } from "./load.ts";
import { decimals, type Section } from "./report.ts";
import {
	constantOf,
	createRequest,
	healthRequest,
	listRequest,
	loginRequest,
	patchRequests,
	seed,
} from "./requests.ts";

const connections = 64;
const memoryAim = 3;
const stormAimMs = 20;
const restMs = 3000;
const sampleMs = 50;
/** One health request each so many milliseconds, while logins storm. */
const probeDelayMs = 5;

/** Memory at rest and under each kind of load, and how health fares while many log in. */
export async function measureMemory(binary: string, folder: string, pace: Pace): Promise<Section> {
	console.log("memory, and health under a storm of logins …");
	const running: Contender[] = [];
	try {
		const ours = await startOurs(binary)(join(folder, "ours"));
		running.push(ours);
		await Bun.sleep(restMs);
		const atRest = megabytes(ours);
		const seeded = await seed(ours);
		const constant = await constantOf(ours, healthRequest);
		const bare = await startBare(names.bare, binary, constant)(join(folder, "bare"));
		running.push(bare);

		const loads: Readonly<Record<string, readonly LoadRequest[]>> = {
			create: [createRequest(seeded.authorization)],
			list: [listRequest],
			patch: patchRequests(seeded),
			login: [loginRequest],
		};
		const peaks = [];
		for (const [name, requests] of Object.entries(loads)) {
			peaks.push({ name, megabytes: await peak(ours, requests, pace.seconds * 2) });
		}
		const storms = await stormBoth([ours, bare], pace);
		return section(atRest, peaks, storms);
	} finally {
		await Promise.all(running.map((contender) => contender.stop()));
	}
}

interface Peak {
	readonly name: string;
	readonly megabytes: number;
}

/** The most memory that a server holds during a load. */
async function peak(server: Contender, requests: readonly LoadRequest[], seconds: number) {
	let most = 0;
	const timer = setInterval(() => {
		most = Math.max(most, megabytes(server));
	}, sampleMs);
	await load({ url: server.url, requests, connections, seconds });
	clearInterval(timer);
	for (const request of requests.slice(0, 1)) await workedOff(server.url, request);
	return most;
}

/** Health's 99th percentile in milliseconds while logins storm: ours, then the bare server's, each the median. */
async function stormBoth(contenders: readonly Contender[], pace: Pace) {
	const found: number[][] = contenders.map(() => []);
	// A percentile wants many samples: storms are fewer and longer than other measurements.
	const seconds = pace.seconds * 3;
	for (let round = 0; round < Math.ceil(pace.rounds / 2); round++) {
		for (const [index, { url }] of contenders.entries()) {
			const [, health] = await Promise.all([
				load({ url, requests: [loginRequest], connections, seconds: seconds + 1 }),
				load({ url, requests: [healthRequest], connections: 1, seconds, delayMs: probeDelayMs }),
			]);
			found[index]?.push(health.p99Ms);
			await workedOff(url, loginRequest);
		}
	}
	return found.map(median);
}

function section(atRest: number, peaks: readonly Peak[], [ours = 0, bare = 0]: readonly number[]): Section {
	const most = Math.max(...peaks.map((each) => each.megabytes));
	return {
		title: "Memory, and health under a storm of logins",
		text: `Resident memory after ${restMs / 1000} s of rest, and the most during each load of ${connections} connections. While ${connections} connections do nothing but log in, one more asks for /healthz every ${probeDelayMs} ms; the bare server does no more than argon2id and a constant, so its figure is what the machine's scheduler costs.`,
		table: {
			head: ["measure", "figure", "ratio"],
			rows: [
				["memory at rest", `${decimals(atRest, 1)} MB`, ""],
				...peaks.map(({ name, megabytes: mb }) => [
					`memory under ${name}`,
					`${decimals(mb, 1)} MB`,
					decimals(mb / atRest),
				]),
				["health p99 in the storm, orchestrator", `${decimals(ours, 1)} ms`, ""],
				["health p99 in the storm, bare Bun server", `${decimals(bare, 1)} ms`, decimals(ours / bare)],
			],
		},
		verdicts: [
			{
				aim: `memory under load < ${memoryAim} × at rest`,
				measured: `${decimals(most / atRest)} ×`,
				isMet: most / atRest < memoryAim,
			},
			{
				aim: `health p99 under a storm of logins < ${stormAimMs} ms`,
				measured: `${decimals(ours, 1)} ms (bare server ${decimals(bare, 1)} ms)`,
				isMet: ours < stormAimMs,
			},
		],
		bars: [],
		generatorShareMax: 0,
	};
}
