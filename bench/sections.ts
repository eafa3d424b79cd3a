import { postgresUrl } from "../test/support/postgres.ts";
import { decimals, type Section, type Verdict, whole } from "./report.ts";

/** The parts that have a file and figures of their own, put into the report's form. */

export async function startSection(): Promise<Section> {
	const { measureStart } = await import("./start.ts");
	console.log("start …");
	const figures = await measureStart();
	const [ours, bare] = figures;
	return {
		title: "Start",
		text: "From being started to the first 200, and resident memory a second later, beside a compiled Bun program that serves one constant route.",
		table: {
			head: ["program", "ms to the first 200", "MB at rest"],
			rows: figures.map(({ name, millisecondsToFirst200, megabytesAtRest }) => [
				name,
				decimals(millisecondsToFirst200, 1),
				decimals(megabytesAtRest, 1),
			]),
		},
		verdicts: [
			atMost("start of the binary", ours.millisecondsToFirst200 / bare.millisecondsToFirst200, 2, "×"),
			atMost("memory of the binary at rest", ours.megabytesAtRest / bare.megabytesAtRest, 2, "×"),
		],
		bars: [],
		generatorShareMax: 0,
	};
}

export async function eventSection(): Promise<Section> {
	const { measureEvents } = await import("./events.ts");
	console.log("events …");
	const { deliveries, latency, idleKiB } = await measureEvents();
	return {
		title: "Events",
		text: "Tails of one server, beside a bare Bun server that writes the same bytes to the same clients.",
		table: {
			head: ["measure", "orchestrator", "bare Bun server", "ratio"],
			rows: [
				...deliveries.map(({ clients, ours, bare }) => [
					`deliveries/s to ${whole(clients)} clients`,
					whole(ours),
					whole(bare),
					decimals(ours / bare),
				]),
				...(["medianMs", "p99Ms"] as const).map((figure) => [
					`${figure === "medianMs" ? "median" : "p99"} ms from request to receipt, ${whole(latency.perSecond)} events/s`,
					decimals(latency.ours[figure]),
					decimals(latency.bare[figure]),
					decimals(latency.ours[figure] / latency.bare[figure]),
				]),
				[
					"KiB of an idle client",
					decimals(idleKiB.ours, 1),
					decimals(idleKiB.bare, 1),
					decimals(idleKiB.ours / idleKiB.bare),
				],
			],
		},
		verdicts: [
			...deliveries.map(({ clients, ours, bare }) =>
				atLeast(`deliveries to ${whole(clients)} clients, of the bare server's`, ours / bare, 0.7, "×"),
			),
			atMost(
				`median from request to receipt at ${whole(latency.perSecond)} events/s`,
				latency.ours.medianMs,
				5,
				"ms",
			),
			atMost("memory of an idle client", idleKiB.ours, 20, "KiB"),
		],
		bars: [],
		generatorShareMax: 0,
	};
}

/** Undefined where Postgres cannot be had. Ends what the test support has started. */
export async function jobSection(): Promise<Section | undefined> {
	if ((await postgresUrl()) === undefined) return undefined;
	const { measureJobs } = await import("./jobs.ts");
	console.log("jobs …");
	const figures = await measureJobs();
	const measures: readonly (readonly [string, ReadonlyMap<string, number>, number])[] = [
		["enqueued/s, one by one", figures.enqueueOneByOne, 0],
		["enqueued/s, in thousands", figures.enqueueInThousands, 0],
		...[...figures.cycles].map(([workers, rates]) => [`cycles/s, ${workers} workers`, rates, 0] as const),
		["ms to be picked up", figures.pickUpMs, 2],
		["cycles beside a million ended jobs, of those beside none", figures.millionShare, 2],
	];
	return {
		title: "Jobs",
		text: "Over HTTP, but for the two libraries, which work inside the process that uses them. A cycle is from enqueue to complete.",
		table: {
			head: ["measure", "contender", "figure"],
			rows: measures.flatMap(([measure, byName, digits]) =>
				[...byName].map(([name, value], index) => [
					index === 0 ? measure : "",
					name,
					digits === 0 ? whole(value) : decimals(value, digits),
				]),
			),
		},
		verdicts: [
			...against(figures.enqueueOneByOne, "enqueue one by one", "orchestrator, SQLite", "bunqueue", 3),
			...[...figures.cycles].flatMap(([workers, rates]) => [
				...against(rates, `cycles, ${workers} workers`, "orchestrator, SQLite", "bunqueue", 1),
				...against(rates, `cycles, ${workers} workers`, "orchestrator, Postgres", "pg-boss", 1),
				...against(rates, `cycles, ${workers} workers`, "orchestrator, Postgres", "graphile-worker", 1),
			]),
			...[...figures.millionShare].map(([name, share]) =>
				atLeast(`cycles beside a million ended jobs, ${name}`, share, 0.9, "×"),
			),
		],
		bars: [...figures.cycles].map(([workers, rates]) => ({
			title: `Jobs from enqueue to complete, ${workers} workers`,
			unit: "jobs/s",
			bars: [...rates].map(([name, value]) => ({ name, value })),
		})),
		generatorShareMax: 0,
	};
}

function against(
	rates: ReadonlyMap<string, number>,
	measure: string,
	ours: string,
	theirs: string,
	least: number,
): readonly Verdict[] {
	const [own, other] = [rates.get(ours), rates.get(theirs)];
	if (own === undefined || other === undefined) return [];
	return [atLeast(`${measure}: ${ours}, of ${theirs}`, own / other, least, "×")];
}

function atLeast(what: string, value: number, least: number, unit: string): Verdict {
	return { aim: `${what} ≥ ${least} ${unit}`, measured: `${decimals(value)} ${unit}`, isMet: value >= least };
}

function atMost(what: string, value: number, most: number, unit: string): Verdict {
	return { aim: `${what} < ${most} ${unit}`, measured: `${decimals(value)} ${unit}`, isMet: value < most };
}
