import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { defaultRank } from "../src/tasks/fields.ts";
import { alternate, type Entry, middle, type Pace, ratio } from "./alternate.ts";
import { type Contender, fileIn, logIn, migrate, startOurs } from "./contenders.ts";
import type { LoadRequest } from "./load.ts";
import { decimals, type Section, whole } from "./report.ts";
import { createRequest, getRequest, listRequest } from "./requests.ts";

const sizes = [100, 1_000_000] as const;
const aim = 1.2;
/** Tasks that are got, spread evenly over all that there are. */
const gotten = 100;

/** The orchestrator with a hundred tasks against the orchestrator with a million. */
export async function measureGrowth(binary: string, folder: string, pace: Pace): Promise<Section> {
	console.log("growth to 1,000,000 tasks …");
	const running: Contender[] = [];
	async function start(file: string, ids: readonly string[]): Promise<Sized> {
		const contender = await startOurs(binary)(file);
		running.push(contender);
		return { contender, ids, authorization: await logIn(contender) };
	}
	try {
		const large = join(folder, "large");
		const largeIds = await fill(binary, large, sizes[1]);
		const measured: Grown[] = [];
		for (const [number, measure] of measures.entries()) {
			const small = join(folder, `small-${number}`);
			const smallIds = await fill(binary, small, sizes[0]);
			measured.push(await grow(measure, [await start(small, smallIds), await start(large, largeIds)], pace));
			await Promise.all(running.splice(0).map((contender) => contender.stop()));
		}
		return {
			title: "Growth",
			text: `The orchestrator on a file of ${sizes.map(whole).join(" and of ")} tasks, each with its event, in turn. Gets go to ${gotten} tasks spread over the whole table. *All in turn* asks for a list and for a task after every create, so that no kept answer is of use. Both servers are fresh for each measure, and so is the small file; creates make it larger while they are measured.`,
			table: {
				head: ["measure", ...sizes.map((size) => `requests/s at ${whole(size)}`), "growth", "growth by CPU"],
				rows: measured.map(({ name, rates, growth, cpuGrowth }) => [
					name,
					...rates.map(whole),
					decimals(growth),
					decimals(cpuGrowth),
				]),
			},
			verdicts: measured.map(({ name, growth, cpuGrowth }) => ({
				aim: `${name}: growth from ${sizes.map(whole).join(" to ")} tasks ≤ ${aim}`,
				measured: `${decimals(growth)} (by CPU ${decimals(cpuGrowth)})`,
				isMet: growth <= aim,
			})),
			bars: [],
			generatorShareMax: 0,
		};
	} finally {
		await Promise.all(running.map((contender) => contender.stop()));
	}
}

interface Sized {
	readonly contender: Contender;
	readonly authorization: string;
	readonly ids: readonly string[];
}

interface Measure {
	readonly name: string;
	requests(sized: Sized): readonly LoadRequest[];
}

const measures: readonly Measure[] = [
	{ name: "list of 100", requests: () => [listRequest] },
	{ name: "get one", requests: ({ ids }) => ids.map(getRequest) },
	{ name: "create", requests: ({ authorization }) => [createRequest(authorization)] },
	{
		name: "all in turn",
		requests: ({ authorization, ids }) =>
			ids.flatMap((id) => [createRequest(authorization), listRequest, getRequest(id)]),
	},
];

interface Grown {
	readonly name: string;
	readonly rates: readonly number[];
	/** How many times as long a request takes with the larger file. */
	readonly growth: number;
	readonly cpuGrowth: number;
}

async function grow({ name, requests }: Measure, sized: readonly Sized[], pace: Pace): Promise<Grown> {
	const entries = sized.map(
		(each): Entry => ({ name, contenders: [each.contender], requests: requests(each) }),
	);
	const samples = await alternate(entries, 64, pace);
	const [small = [], large = []] = samples;
	return {
		name,
		rates: samples.map((each) => middle(each).perSecond),
		growth: ratio(small, large, (a, b) => a.perSecond / b.perSecond),
		cpuGrowth: ratio(small, large, (a, b) => b.cpuMicros / a.cpuMicros),
	};
}

/** Makes the file that a server in this folder opens; answers with the ids of some of its tasks. */
async function fill(binary: string, folder: string, size: number): Promise<readonly string[]> {
	mkdirSync(folder, { recursive: true });
	await migrate(binary, `sqlite:///${fileIn(folder)}`, folder);
	const database = new Database(fileIn(folder), { readwrite: true, strict: true });
	database.run("PRAGMA synchronous = OFF");
	const insertTask = database.query(
		`INSERT INTO tasks (seq, updated_seq, id, number, title, description, version, status_since, rank, created_at, updated_at)
			VALUES (?1, ?1, ?2, ?1, ?3, '', 1, ?4, ?5, ?4, ?4)`,
	);
	const insertEvent = database.query(
		"INSERT INTO events (id, type, subject, data, request_id, time, actor) VALUES (?, 'task.created', ?, ?, ?, ?, ?)",
	);
	const ids: string[] = [];
	database.transaction(() => {
		const now = Date.now();
		for (let seq = 1; seq <= size; seq++) {
			const id = Bun.randomUUIDv7();
			const title = `Task ${seq}`;
			insertTask.run(seq, id, title, now, defaultRank(id));
			const body = JSON.stringify({ description: "", id, title, version: 1 });
			insertEvent.run(seq, `/collab/tasks/${id}`, body, id, now, `user/${id}`);
			if (seq % (size / gotten) === 0) ids.push(id);
		}
		database.run("INSERT INTO task_counts (space, status, count) VALUES (1, 'open', ?)", [size]);
		database.run("INSERT INTO task_numbers (space, next) VALUES (1, ?)", [size + 1]);
		database.run("UPDATE log_head SET rev = ?", [size]);
		database.run("INSERT OR REPLACE INTO revisions (collection, rev) VALUES ('tasks', ?)", [size]);
	})();
	database.close();
	return ids;
}
