import { Logger, run } from "graphile-worker";

/** Adds jobs and works them off: `bun jobs-graphile.mjs URL JOBS WORKERS` prints jobs a second. */
const [, , url, jobs, workers] = process.argv;
const done = Promise.withResolvers();
let toAdd = Number(jobs);
let toDo = Number(jobs);

const runner = await run({
	connectionString: url,
	concurrency: Number(workers),
	maxPoolSize: 10,
	noHandleSignals: true,
	logger: new Logger(() => () => {}),
	taskList: {
		async mail() {
			if (--toDo === 0) done.resolve();
		},
	},
});

async function produce() {
	while (toAdd-- > 0) await runner.addJob("mail", { to: "ada@example.com" });
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: Number(workers) }, produce));
await done.promise;
console.log(`RATE ${(Number(jobs) * 1000) / (performance.now() - startedAt)}`);
await runner.stop();
process.exit();
