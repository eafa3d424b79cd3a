import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { newPostgresDatabase, postgresUrl } from "../test/support/postgres.ts";
import { tearDown } from "../test/support/teardown.ts";
import { alternate, type Entry, type Pace } from "./alternate.ts";
import { type Contender, startOurs } from "./contenders.ts";
import { type LoadRequest, requireWrk } from "./load.ts";
import { decimals } from "./report.ts";
import {
	createRequest,
	getRequest,
	healthRequest,
	knownListRequest,
	listRequest,
	patchRequests,
	type Seeded,
	seed,
} from "./requests.ts";
import { cpuRatio, rateRatio } from "./tasks.ts";

/**
 * `bun bench/compare.ts OLD NEW` measures two executables of this program side by side, in alternating rounds, and prints
 * NEW's rate and processor time as multiples of OLD's. `--rounds` and `--seconds` say how long, `--only` which measure.
 */

const connections = 64;
const apiKey = "benchmark-key-0123456789";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		rounds: { type: "string", default: "7" },
		seconds: { type: "string", default: "2" },
		only: { type: "string" },
	},
});
const pace: Pace = { rounds: Number(values.rounds), seconds: Number(values.seconds) };

type Measure = (seeded: Seeded) => Promise<readonly LoadRequest[]> | readonly LoadRequest[];

const measures: Readonly<Record<string, Measure>> = {
	create: ({ authorization }) => [createRequest(authorization)],
	patch: patchRequests,
	list: () => [listRequest],
	"list, 304": async ({ contender }) => [await knownListRequest(contender)],
	"get one": ({ ids }) => [getRequest(ids[0] ?? "")],
	health: () => [healthRequest],
	enqueue: () => [jobRequest("/jobs", { kind: "benchmark" })],
	"enqueue and lease": () => [
		jobRequest("/jobs", { kind: "benchmark", queue: "leased" }),
		jobRequest("/jobs/lease", { worker: "w", queues: ["leased"] }),
	],
};

function jobRequest(path: string, body: unknown): LoadRequest {
	return { method: "POST", path, headers: { "x-api-key": apiKey }, body };
}

/** Both versions fresh, on databases of their own. */
async function compare(
	databases: () => Promise<string | undefined>,
	names: readonly string[],
): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-versions-"));
	const running: Contender[] = [];
	try {
		const seeded: Seeded[] = [];
		for (const [index, binary] of positionals.entries()) {
			const starter = startOurs(resolve(binary), await databases());
			const contender = await starter(join(folder, String(index)));
			running.push(contender);
			seeded.push(await seed(contender));
		}
		for (const name of names) {
			const entries = await Promise.all(seeded.map((each) => entryOf(name, each)));
			const [old = [], next = []] = await alternate(entries, connections, pace);
			console.log(`${name}: ${decimals(rateRatio(next, old))} x, by CPU ${decimals(cpuRatio(next, old))} x`);
		}
	} finally {
		for (const contender of running) await contender.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

async function entryOf(name: string, seeded: Seeded): Promise<Entry> {
	const requests = (await measures[name]?.(seeded)) ?? [];
	return { name, contenders: [seeded.contender], requests };
}

requireWrk();
const names = Object.keys(measures).filter((name) => values.only === undefined || name === values.only);
console.log(`SQLite, ${pace.rounds} rounds of ${pace.seconds} s`);
await compare(async () => undefined, names);
const server = await postgresUrl();
if (server !== undefined) {
	console.log("Postgres");
	const written = names.filter((name) => /create|patch|list|enqueue/.test(name));
	await compare(() => newPostgresDatabase(server), written);
}
await tearDown();
