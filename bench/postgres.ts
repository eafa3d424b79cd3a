import { join } from "node:path";
import postgres from "postgres";
import { newPostgresDatabase } from "../test/support/postgres.ts";
import { alternate, type Entry, middle, type Pace } from "./alternate.ts";
import { type Contender, logIn, migrate, names, startOnPostgres, startOurs } from "./contenders.ts";
import { decimals, type Section, whole } from "./report.ts";
import { createRequest } from "./requests.ts";
import { cpuRatio, rateRatio } from "./tasks.ts";

const connections = 64;
const two = "orchestrator, two processes";
const limit = "bare Bun server, in groups";
const single = "bare Bun server, one by one";
/** By contender: our rate as a multiple of its, at least. */
const aims: Readonly<Record<string, number>> = { [limit]: 0.6, [single]: 8 };

/** Creates on a Postgres server, each contender on a database of its own. */
export async function measurePostgres(
	binary: string,
	server: string,
	folder: string,
	pace: Pace,
): Promise<Section> {
	console.log("create on Postgres …");
	const running: Contender[] = [];
	try {
		const entries = await startAll(binary, server, folder, running);
		const samples = await alternate(entries, connections, pace);
		const ours = samples[0] ?? [];
		const reached = entries.map((_, index) => rateRatio(ours, samples[index] ?? []));
		const bySum = 1 / (reached[entries.findIndex(({ name }) => name === two)] ?? Number.NaN);
		return {
			title: `Postgres ${await version(server)}`,
			text: `Creates from ${connections} connections, each contender on a new database of one local server. *${limit}* commits all that arrived meanwhile in one transaction through postgres-js, with unnest() and its statements in one flight; *${single}* has a transaction for each request. Processor time is the server process's own, without that of Postgres.`,
			table: {
				head: ["contender", "requests/s", "median ms", "p99 ms", "CPU µs/request", "ratio", "ratio by CPU"],
				rows: entries.map(({ name }, index) => {
					const theirs = samples[index] ?? [];
					const { perSecond, p50Ms, p99Ms, cpuMicros } = middle(theirs);
					const ratios =
						index === 0
							? ["", ""]
							: [decimals(reached[index] ?? Number.NaN), decimals(cpuRatio(ours, theirs))];
					return [
						name,
						whole(perSecond),
						decimals(p50Ms),
						decimals(p99Ms),
						decimals(cpuMicros, 1),
						...ratios,
					];
				}),
			},
			verdicts: [
				...entries.flatMap(({ name }, index) => {
					const aim = aims[name];
					const times = reached[index] ?? Number.NaN;
					if (aim === undefined) return [];
					return {
						aim: `create on Postgres: ≥ ${decimals(aim)} × ${name}`,
						measured: `${decimals(times)} ×`,
						isMet: times >= aim,
					};
				}),
				{
					aim: "create on Postgres: two processes in sum ≥ one",
					measured: `${decimals(bySum)} ×`,
					isMet: bySum >= 1,
				},
			],
			bars: [
				{
					title: "create on Postgres",
					unit: "requests/s",
					bars: entries.map(({ name }, index) => ({ name, value: middle(samples[index] ?? []).perSecond })),
				},
			],
			generatorShareMax: Math.max(...samples.flat().map(({ generatorShare }) => generatorShare)),
		};
	} finally {
		await Promise.all(running.map((contender) => contender.stop()));
	}
}

/** Ours first. */
async function startAll(
	binary: string,
	server: string,
	folder: string,
	running: Contender[],
): Promise<readonly Entry[]> {
	async function ours(databaseUrl: string, name: string): Promise<Contender> {
		const contender = await startOurs(binary, databaseUrl)(join(folder, name));
		running.push(contender);
		return contender;
	}
	async function bare(name: string, file: string): Promise<Entry> {
		const databaseUrl = await newPostgresDatabase(server);
		await migrate(binary, databaseUrl, folder);
		const contender = await startOnPostgres(name, file, databaseUrl)(join(folder, file));
		running.push(contender);
		return { name, contenders: [contender], requests: [createRequest("")] };
	}
	const alone = await ours(await newPostgresDatabase(server), "one");
	const shared = await newPostgresDatabase(server);
	const [first, second] = [await ours(shared, "first"), await ours(shared, "second")];
	return [
		{ name: names.ours, contenders: [alone], requests: [createRequest(await logIn(alone))] },
		{ name: two, contenders: [first, second], requests: [createRequest(await logIn(first))] },
		await bare(limit, "ceiling-postgres.ts"),
		await bare(single, "one-by-one-postgres.ts"),
	];
}

async function version(server: string): Promise<string> {
	const sql = postgres(server, { max: 1, onnotice() {} });
	try {
		const [row] = await sql<{ server_version: string }[]>`SHOW server_version`;
		return row?.server_version.split(" ")[0] ?? "";
	} finally {
		await sql.end();
	}
}
