import { join } from "node:path";
import { alternate, type Entry, middle, type Pace, ratio, type Samples } from "./alternate.ts";
import { type Constant, type Contender, names, type Starter, startBare, startOurs } from "./contenders.ts";
import type { LoadRequest } from "./load.ts";
import { type Bars, decimals, type Section, type Verdict, whole } from "./report.ts";
import {
	constantOf,
	createRequest,
	getRequest,
	healthRequest,
	knownListRequest,
	listRequest,
	loginRequest,
	patchRequests,
	type Seeded,
	seed,
} from "./requests.ts";

/** The other stacks, where they can be had. */
export interface Peers {
	readonly fastify: Starter | undefined;
	readonly python: Starter | undefined;
}

interface Scenario {
	readonly name: string;
	readonly connections: number;
	requests(seeded: Seeded): Promise<readonly LoadRequest[]> | readonly LoadRequest[];
	/** Whether the bare server repeats one answer of ours, rather than do the work. */
	readonly isConstant: boolean;
	readonly peers: readonly (keyof Peers)[];
	/** By contender: our rate as a multiple of its, at least. */
	readonly aims: Readonly<Record<string, number>>;
}

const both = ["fastify", "python"] as const;

const scenarios: readonly Scenario[] = [
	{
		name: "create, 64 connections",
		connections: 64,
		requests: ({ authorization }) => [createRequest(authorization)],
		isConstant: false,
		peers: both,
		aims: { [names.bare]: 0.7, [names.fastify]: 5, [names.python]: 40 },
	},
	{
		name: "create, 1 connection",
		connections: 1,
		requests: ({ authorization }) => [createRequest(authorization)],
		isConstant: false,
		peers: both,
		aims: { [names.bare]: 1 / 1.3 },
	},
	{
		name: "patch, 64 connections",
		connections: 64,
		requests: patchRequests,
		isConstant: false,
		peers: both,
		aims: {},
	},
	{
		name: "list of 100",
		connections: 64,
		requests: () => [listRequest],
		isConstant: true,
		peers: both,
		aims: { [names.bare]: 0.8 },
	},
	{
		name: "list, 304",
		connections: 64,
		requests: async ({ contender }) => [await knownListRequest(contender)],
		isConstant: true,
		peers: ["fastify"],
		aims: { [names.bare]: 0.8 },
	},
	{
		name: "get one",
		connections: 64,
		requests: ({ ids }) => [getRequest(ids[0] ?? "")],
		isConstant: true,
		peers: both,
		aims: {},
	},
	{
		name: "health",
		connections: 64,
		requests: () => [healthRequest],
		isConstant: true,
		peers: both,
		aims: {},
	},
	{
		name: "login",
		connections: 16,
		requests: () => [loginRequest],
		isConstant: false,
		peers: [],
		aims: { [names.bare]: 0.9 },
	},
];

/** Every scenario on SQLite, each with its contenders fresh. */
export async function measureTasks(
	binary: string,
	peers: Peers,
	folder: string,
	pace: Pace,
): Promise<Section> {
	const measured: Measured[] = [];
	for (const [number, scenario] of scenarios.entries()) {
		measured.push(await measure(scenario, binary, peers, join(folder, String(number)), pace));
	}
	return {
		title: "SQLite",
		text: `Each contender is started fresh on a new file with 100 tasks. The *${names.bare}* does the same durable work with the same group commit and nothing else; for reads, health and 304 it sends the very bytes and headers of ours as a constant. *${names.accounting}* also does what every answer owes whatever it says: it takes the client's address, gives the request an id, counts it and writes its line to the log. For logins it verifies one argon2id and nothing else. A ratio is ours to theirs, above 1 where ours is better: of requests a second, and of the server's processor time for one request.`,
		table: {
			head: [
				"measure",
				"contender",
				"requests/s",
				"median ms",
				"p99 ms",
				"CPU µs/request",
				"ratio",
				"ratio by CPU",
			],
			rows: measured.flatMap(rows),
		},
		verdicts: measured.flatMap(verdicts),
		bars: measured.map(bars),
		generatorShareMax: Math.max(
			...measured.flatMap(({ samples }) => samples.flat().map(({ generatorShare }) => generatorShare)),
		),
	};
}

interface Measured {
	readonly scenario: Scenario;
	readonly entries: readonly Entry[];
	/** Ours first. */
	readonly samples: Samples;
}

async function measure(
	scenario: Scenario,
	binary: string,
	peers: Peers,
	folder: string,
	pace: Pace,
): Promise<Measured> {
	console.log(`${scenario.name} …`);
	const running: Contender[] = [];
	async function begin(starter: Starter, name: string): Promise<Contender> {
		const contender = await starter(join(folder, name));
		running.push(contender);
		return contender;
	}
	async function entryOf(contender: Contender): Promise<Entry> {
		const requests = await scenario.requests(await seed(contender));
		return { name: contender.name, contenders: [contender], requests };
	}
	try {
		const ours = await entryOf(await begin(startOurs(binary), "ours"));
		const entries = [ours];
		if (scenario.isConstant) {
			const constant = await constantFor(ours);
			for (const name of [names.bare, names.accounting]) {
				const contender = await begin(startBare(name, binary, constant), name);
				entries.push({ name, contenders: [contender], requests: ours.requests });
			}
		} else {
			entries.push(await entryOf(await begin(startBare(names.bare, binary), "bare")));
		}
		for (const peer of scenario.peers) {
			const starter = peers[peer];
			if (starter !== undefined) entries.push(await entryOf(await begin(starter, peer)));
		}
		return { scenario, entries, samples: await alternate(entries, scenario.connections, pace) };
	} finally {
		await Promise.all(running.map((contender) => contender.stop()));
	}
}

async function constantFor({ contenders, requests }: Entry): Promise<Constant> {
	const [contender] = contenders;
	const [request] = requests;
	if (contender === undefined || request === undefined) throw new Error("an entry without a request");
	return constantOf(contender, request);
}

function rows({ scenario, entries, samples }: Measured): readonly (readonly string[])[] {
	const ours = samples[0] ?? [];
	return entries.map(({ name }, index) => {
		const theirs = samples[index] ?? [];
		const { perSecond, p50Ms, p99Ms, cpuMicros } = middle(theirs);
		const figures = [whole(perSecond), decimals(p50Ms), decimals(p99Ms), decimals(cpuMicros, 1)];
		const ratios =
			index === 0 ? ["", ""] : [decimals(rateRatio(ours, theirs)), decimals(cpuRatio(ours, theirs))];
		return [index === 0 ? scenario.name : "", name, ...figures, ...ratios];
	});
}

export function rateRatio(ours: Samples[number], theirs: Samples[number]): number {
	return ratio(ours, theirs, (a, b) => a.perSecond / b.perSecond);
}

export function cpuRatio(ours: Samples[number], theirs: Samples[number]): number {
	return ratio(ours, theirs, (a, b) => b.cpuMicros / a.cpuMicros);
}

function verdicts({ scenario, entries, samples }: Measured): readonly Verdict[] {
	return entries.flatMap(({ name }, index) => {
		const aim = scenario.aims[name];
		if (aim === undefined) return [];
		const [ours = [], theirs = []] = [samples[0], samples[index]];
		const reached = rateRatio(ours, theirs);
		return {
			aim: `${scenario.name}: ≥ ${decimals(aim)} × ${name}`,
			measured: `${decimals(reached)} × (by CPU ${decimals(cpuRatio(ours, theirs))} ×)`,
			isMet: reached >= aim,
		};
	});
}

function bars({ scenario, entries, samples }: Measured): Bars {
	return {
		title: scenario.name,
		unit: "requests/s",
		bars: entries.map(({ name }, index) => ({ name, value: middle(samples[index] ?? []).perSecond })),
	};
}
