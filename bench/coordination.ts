import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { newPostgresDatabase, postgresUrl } from "../test/support/postgres.ts";
import { tearDown } from "../test/support/teardown.ts";
import type { Pace } from "./alternate.ts";
import { fileIn, logIn, migrate, startOurs } from "./contenders.ts";
import type { Client, Figure, Setting } from "./coordination-client.ts";
import { fillTasks } from "./coordination-fill.ts";
import { measureLists } from "./coordination-lists.ts";
import { measureSpaces } from "./coordination-spaces.ts";
import { measureBlockers, measureClaims, measureCreate, measureCycles } from "./coordination-tasks.ts";
import { requireWrk } from "./load.ts";
import { printed, type Section } from "./report.ts";

/**
 * `bun bench/coordination.ts BINARY` measures what tasks, claims and spaces cost, on both databases. `--only` says which
 * measure, `--database` which database, `--tasks` how many tasks a full one has, `--rounds` and `--seconds` how long.
 */

const measures: Readonly<Record<string, (setting: Setting) => Promise<readonly Figure[]>>> = {
	create: measureCreate,
	claims: measureClaims,
	cycles: measureCycles,
	blockers: measureBlockers,
	spaces: measureSpaces,
	lists: measureLists,
};

interface Extent {
	readonly tasks: number;
	readonly pace: Pace;
	readonly names?: readonly string[];
	readonly databases?: readonly string[];
}

type Found = Figure & { readonly database: string };

/** Leaves Postgres out where it cannot be had. */
export async function measureCoordination(binary: string, folder: string, extent: Extent): Promise<Section> {
	const found: Found[] = [];
	const { databases = ["SQLite", "Postgres"] } = extent;
	const server = await postgresUrl();
	for (const database of databases) {
		if (database === "Postgres" && server === undefined) continue;
		const newUrl = (own: string) =>
			database === "Postgres" && server !== undefined
				? newPostgresDatabase(server)
				: Promise.resolve(`sqlite:///${fileIn(own)}`);
		found.push(...(await measureOn(database, newUrl, binary, join(folder, database), extent)));
	}
	return sectionOf(found, extent);
}

async function measureOn(
	database: string,
	newUrl: (folder: string) => Promise<string>,
	binary: string,
	folder: string,
	{ tasks, pace, names = Object.keys(measures) }: Extent,
): Promise<readonly Found[]> {
	const running: Client[] = [];
	async function start(count: number): Promise<Client> {
		const own = mkdtempSync(`${folder}-`);
		const databaseUrl = await newUrl(own);
		await migrate(binary, databaseUrl, own);
		if (count > 0) await fillTasks(databaseUrl, count);
		const contender = await startOurs(binary, databaseUrl)(own);
		const client = { ...contender, databaseUrl, authorization: await logIn(contender) };
		running.push(client);
		return client;
	}
	let filled: Promise<Client> | undefined;
	const full = () => {
		filled ??= start(tasks);
		return filled;
	};
	try {
		const found: Found[] = [];
		for (const name of names) {
			console.log(`coordination on ${database}: ${name} …`);
			const figures = (await measures[name]?.({ pace, tasks, start, full })) ?? [];
			for (const figure of figures) console.log(`  ${figure.name}: ${figure.measured} (${figure.note})`);
			found.push(...figures.map((figure) => ({ ...figure, database })));
			const kept = await filled;
			const ended = running.filter(({ pid }) => pid !== kept?.pid);
			await Promise.all(ended.map((client) => client.stop()));
			running.splice(0, running.length, ...(kept === undefined ? [] : [kept]));
		}
		return found;
	} finally {
		await Promise.all(running.map((client) => client.stop()));
	}
}

function sectionOf(found: readonly Found[], { tasks }: Extent): Section {
	return {
		title: "Coordination",
		text: `Tasks, claims and spaces. A full database has ${tasks} tasks: most finished, a twentieth blocked and more urgent than every ready one. Requests of claims, cycles and lists come from this program, so its own time is in the rates and not in those by CPU.`,
		table: {
			head: ["measure", "database", "figure", "details"],
			rows: found.map(({ name, database, measured, note }) => [name, database, measured, note]),
		},
		verdicts: found.map(({ name, database, measured, aim, isMet }) => ({
			aim: `${name}, ${database}: ${aim}`,
			measured,
			isMet,
		})),
		bars: [],
		generatorShareMax: 0,
	};
}

if (import.meta.main) {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			only: { type: "string" },
			database: { type: "string" },
			tasks: { type: "string", default: "1000000" },
			rounds: { type: "string", default: "5" },
			seconds: { type: "string", default: "2" },
		},
	});
	if (values.only !== undefined && !(values.only in measures)) {
		console.error(`There is no measure ${values.only}; there are ${Object.keys(measures).join(", ")}.`);
		process.exit(2);
	}
	requireWrk();
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-coordination-"));
	const pace: Pace = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
	try {
		const section = await measureCoordination(resolve(positionals[0] ?? "dist/orchestrator"), folder, {
			tasks: Number(values.tasks),
			pace,
			...(values.only !== undefined && { names: [values.only] }),
			...(values.database !== undefined && { databases: [values.database] }),
		});
		console.log(printed(section));
	} finally {
		await tearDown();
		rmSync(folder, { recursive: true, force: true });
	}
}
