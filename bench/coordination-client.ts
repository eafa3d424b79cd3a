import { cpuSeconds, median, type Pace } from "./alternate.ts";
import type { Contender } from "./contenders.ts";
import { decimals } from "./report.ts";

/** A server under measurement, as its only user sees it. */
export interface Client extends Contender {
	readonly databaseUrl: string;
	readonly authorization: string;
}

/** What a measure is given: servers on one database, and how long to measure. */
export interface Setting {
	readonly pace: Pace;
	/** How many tasks a full database has. */
	readonly tasks: number;
	/** A fresh server, beside that many tasks. */
	start(tasks: number): Promise<Client>;
	/** The one with the most tasks; always the same. */
	full(): Promise<Client>;
}

/** One figure and its aim. */
export interface Figure {
	readonly name: string;
	readonly measured: string;
	readonly aim: string;
	readonly isMet: boolean;
	/** What else is to be said of it. */
	readonly note: string;
}

export function atLeast(name: string, value: number, least: number, note: string): Figure {
	return { name, measured: `${decimals(value)} ×`, aim: `≥ ${least} ×`, isMet: value >= least, note };
}

export function below(name: string, value: number, most: number, unit: "ms" | "MB", note: string): Figure {
	return {
		name,
		measured: `${decimals(value, 1)} ${unit}`,
		aim: `< ${most} ${unit}`,
		isMet: value < most,
		note,
	};
}

/** Throws for an answer from 400 up. `Body` is what the contract says of it. */
export async function ask<Body>(
	{ url, authorization }: Client,
	method: string,
	path: string,
	body?: unknown,
	headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly body: Body; readonly ms: number }> {
	const startedAt = performance.now();
	const response = await fetch(url + path, {
		method,
		headers: { authorization, ...(body !== undefined && { "content-type": "application/json" }), ...headers },
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	const text = await response.text();
	const ms = performance.now() - startedAt;
	if (response.status >= 400) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
	return { body: text === "" ? undefined : JSON.parse(text), ms };
}

export interface TaskBody {
	readonly id: string;
}

/** Makes tasks, at most 500. */
export async function addTasks(client: Client, tasks: readonly object[]): Promise<readonly string[]> {
	const { body } = await ask<{ items: TaskBody[] }>(client, "POST", "/collab/tasks/batch", { tasks });
	return body.items.map(({ id }) => id);
}

export interface Rate {
	readonly perSecond: number;
	/** Processor time of the server for one cycle. */
	readonly cpuMicros: number;
}

/** How fast agents go that each repeat their cycle until it answers false. */
export async function rateOf(
	client: Client,
	agents: number,
	cycle: (agent: number) => Promise<boolean>,
): Promise<Rate> {
	const usedBefore = cpuSeconds([client]);
	const startedAt = performance.now();
	let cycles = 0;
	async function work(agent: number): Promise<void> {
		while (await cycle(agent)) cycles++;
	}
	await Promise.all(Array.from({ length: agents }, (_, agent) => work(agent)));
	const seconds = (performance.now() - startedAt) / 1000;
	return { perSecond: cycles / seconds, cpuMicros: ((cpuSeconds([client]) - usedBefore) * 1e6) / cycles };
}

/** Measures two in turn, the first one first in every other round; the first round warms up. */
export async function pairs(
	rounds: number,
	measures: readonly [() => Promise<Rate>, () => Promise<Rate>],
): Promise<{ readonly rate: number; readonly note: string }> {
	const found: [Rate, Rate][] = [];
	for (let round = 0; round <= rounds; round++) {
		const [first, second] = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
		const before = await measures[first]();
		const after = await measures[second]();
		if (round > 0) found.push(round % 2 === 0 ? [before, after] : [after, before]);
	}
	const of = (figure: (pair: [Rate, Rate]) => number) => median(found.map(figure));
	const rates = [of(([a]) => a.perSecond), of(([, b]) => b.perSecond)].map(Math.round);
	const micros = [of(([a]) => a.cpuMicros), of(([, b]) => b.cpuMicros)].map(Math.round);
	const byCpu = of(([a, b]) => b.cpuMicros / a.cpuMicros).toFixed(2);
	return {
		rate: of(([a, b]) => a.perSecond / b.perSecond),
		note: `${rates.join(" of ")}/s; by CPU ${byCpu}, ${micros.join(" and ")} µs`,
	};
}
