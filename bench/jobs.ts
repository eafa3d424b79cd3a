import { Database } from "bun:sqlite";
import postgres from "postgres";
import { newPostgresDatabase, postgresUrl } from "../test/support/postgres.ts";
import { tearDown } from "../test/support/teardown.ts";
import { type HttpQueue, libraryRate, newFolder, startBunqueue, startOurs } from "./jobs-contenders.ts";
import { load, requireWrk } from "./load.ts";

/**
 * Jobs: how many are enqueued, and how many go from enqueue to complete, a second; how soon a waiting worker has one.
 * Everything over HTTP but the two libraries, which work in the process that uses them. Runs alternate, so that a
 * noisy machine is noisy to all. Each figure is a median.
 */
export interface JobFigures {
	/** Jobs a second by contender. */
	readonly enqueueOneByOne: Figures;
	readonly enqueueInThousands: Figures;
	/** Jobs a second with as many producers as workers, by workers and contender. */
	readonly cycles: ReadonlyMap<number, Figures>;
	/** From the sending of a job to its receipt by a worker that waits, in milliseconds. */
	readonly pickUpMs: Figures;
	/** Cycles a second beside a million ended jobs, as a share of those beside none: SQLite, Postgres. */
	readonly millionShare: Figures;
}

type Figures = ReadonlyMap<string, number>;

const rounds = 3;
const seconds = 3;
const connections = 64;
const cycleJobs = new Map([
	[1, 1000],
	[4, 3000],
	[16, 6000],
]);
const pickUps = 200;
const endedJobs = 1_000_000;

/** Calls `report` with each line of figures as soon as it is there. */
export async function measureJobs(report: (line: string) => void = () => {}): Promise<JobFigures> {
	requireWrk();
	const server = await postgresUrl();
	if (server === undefined) throw new Error("there is no Postgres to measure with");
	const newDatabase = () => newPostgresDatabase(server);
	function tell(title: string, figures: Figures, unit: string, digits = 0): Figures {
		const values = [...figures].map(([name, value]) => `${name} ${value.toFixed(digits)}${unit}`);
		report(`${title}: ${values.join(", ")}`);
		return figures;
	}
	try {
		const full = await startQueues(newDatabase);
		const enqueueOneByOne = tell("enqueued one by one", await alternate(full, enqueueRate), "/s");
		const enqueueInThousands = tell("enqueued in thousands", await alternate(full, batchRate), "/s");
		const empty = await startQueues(newDatabase);
		const libraries = { boss: await newDatabase(), graphile: await newDatabase() };
		const cycles = new Map<number, Figures>();
		for (const [workers, jobs] of cycleJobs) {
			const rates = await cycleRates(empty, libraries, workers, jobs);
			cycles.set(workers, tell(`cycles with ${workers} workers`, rates, "/s"));
		}
		const pickUpMs = tell("picked up after", await alternate(empty, pickUp), " ms", 2);
		const shares = await millionShares(newDatabase);
		const millionShare = tell("cycles beside a million ended jobs", shares, " of those beside none", 2);
		return { enqueueOneByOne, enqueueInThousands, cycles, pickUpMs, millionShare };
	} finally {
		await tearDown();
	}
}

async function startQueues(newDatabase: () => Promise<string>): Promise<readonly HttpQueue[]> {
	return [
		await startOurs("orchestrator, SQLite", `sqlite:///${newFolder()}/jobs.db`),
		await startBunqueue(),
		await startOurs("orchestrator, Postgres", await newDatabase()),
	];
}

interface Named {
	readonly name: string;
}

/** The median of each contender, measured in turn. */
async function alternate<C extends Named>(
	contenders: readonly C[],
	measure: (contender: C) => Promise<number>,
): Promise<Figures> {
	const samples = new Map(contenders.map(({ name }) => [name, [] as number[]]));
	for (let round = 0; round < rounds; round++) {
		for (const contender of contenders) samples.get(contender.name)?.push(await measure(contender));
	}
	return new Map([...samples].map(([name, values]) => [name, median(values)]));
}

async function enqueueRate({ name, url, one }: HttpQueue): Promise<number> {
	const { perSecond, refused } = await load({ url, requests: [one], connections, seconds });
	if (refused > 0) throw new Error(`${name} refused ${refused} jobs`);
	return perSecond;
}

async function batchRate({ name, url, thousand }: HttpQueue): Promise<number> {
	const { perSecond, refused } = await load({ url, requests: [thousand], connections: 2, seconds });
	if (refused > 0) throw new Error(`${name} refused ${refused} batches`);
	return perSecond * 1000;
}

function cycleRates(
	queues: readonly HttpQueue[],
	databases: { readonly boss: string; readonly graphile: string },
	workers: number,
	jobs: number,
): Promise<Figures> {
	const library = (name: string, file: string, url: string) => ({
		name,
		cycle: () => libraryRate(file, url, jobs, workers),
	});
	const contenders = [
		...queues.map((queue) => ({ name: queue.name, cycle: () => cycleRate(queue, jobs, workers) })),
		library("pg-boss", "jobs-pg-boss.mjs", databases.boss),
		library("graphile-worker", "jobs-graphile.mjs", databases.graphile),
	];
	return alternate(contenders, ({ cycle }) => cycle());
}

/** From the first enqueue to the last complete, with as many producers as workers. */
async function cycleRate(queue: HttpQueue, jobs: number, workers: number): Promise<number> {
	let toEnqueue = jobs;
	let toComplete = jobs;
	// Who waits for one more job after the last is not counted.
	let endedAt = 0;

	async function produce(): Promise<void> {
		while (toEnqueue-- > 0) await queue.enqueue();
	}

	async function work(): Promise<void> {
		while (toComplete > 0) {
			const complete = await queue.take();
			if (complete === undefined) continue;
			toComplete--;
			await complete();
			endedAt = performance.now();
		}
	}

	const startedAt = performance.now();
	await Promise.all(Array.from({ length: workers }, () => [produce(), work()]).flat());
	return (jobs * 1000) / (endedAt - startedAt);
}

async function pickUp(queue: HttpQueue): Promise<number> {
	const samples: number[] = [];
	for (let sample = 0; sample < pickUps; sample++) {
		const taking = queue.take();
		await Bun.sleep(5);
		const startedAt = performance.now();
		const [complete] = await Promise.all([
			taking.then((done) => ({ done, at: performance.now() })),
			queue.enqueue(),
		]);
		samples.push(complete.at - startedAt);
		await complete.done?.();
	}
	return median(samples);
}

async function millionShares(newDatabase: () => Promise<string>): Promise<Figures> {
	const file = `${newFolder()}/million.db`;
	const database = await newDatabase();
	const pairs = [
		{
			name: "SQLite",
			empty: await startOurs("empty", `sqlite:///${newFolder()}/empty.db`),
			full: await startOurs("full", `sqlite:///${file}`),
			seed: async () => seedSqlite(file),
		},
		{
			name: "Postgres",
			empty: await startOurs("empty", await newDatabase()),
			full: await startOurs("full", database),
			seed: () => seedPostgres(database),
		},
	];
	const shares = new Map<string, number>();
	for (const { name, empty, full, seed } of pairs) {
		await seed();
		const samples: number[] = [];
		for (let round = -1; round < 2 * rounds; round++) {
			const few = await cycleRate(empty, 4000, 16);
			const many = await cycleRate(full, 4000, 16);
			if (round >= 0) samples.push(many / few);
		}
		shares.set(name, median(samples));
	}
	return shares;
}

const endedJob = `'default', 'mail', '{"to":"ada@example.com"}', 0, 'succeeded', 1, 5, 1, 1`;
const endedColumns =
	"id, queue, kind, payload, priority, state, attempt, max_attempts, fence, settled_fence, run_at, created_at, updated_at";

function seedSqlite(file: string): void {
	const database = new Database(file);
	const now = Date.now();
	database.run(`WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${endedJobs})
		INSERT INTO jobs (${endedColumns})
		SELECT printf('019ab2f4-0000-7000-8000-%012x', n), ${endedJob}, ${now}, ${now}, ${now} FROM n`);
	database.run(`INSERT INTO job_counts VALUES (1, 'default', 0, 0, 0, 0, 0, ${endedJobs})`);
	database.close();
}

async function seedPostgres(url: string): Promise<void> {
	const sql = postgres(url, { max: 1, onnotice() {} });
	const now = Date.now();
	await sql.unsafe(`INSERT INTO jobs (${endedColumns})
		SELECT ('019ab2f4-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ${endedJob}, ${now}, ${now}, ${now}
		FROM generate_series(1, ${endedJobs}) AS n`);
	await sql.unsafe(`INSERT INTO job_counts VALUES (1, 'default', 0, 0, 0, 0, 0, ${endedJobs})`);
	await sql.unsafe("VACUUM ANALYZE jobs");
	await sql.end();
}

function median(values: readonly number[]): number {
	return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.main) {
	await measureJobs(console.log);
	process.exit();
}
