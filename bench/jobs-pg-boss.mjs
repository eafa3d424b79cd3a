import { PgBoss } from "pg-boss";

/** Sends, fetches and completes jobs: `bun jobs-pg-boss.mjs URL JOBS WORKERS` prints jobs a second. */
const [, , url, jobs, workers] = process.argv;
const boss = new PgBoss({ connectionString: url, max: 10, supervise: false, schedule: false });
await boss.start();
await boss.createQueue("bench");

let toSend = Number(jobs);
let toComplete = Number(jobs);

async function produce() {
	while (toSend-- > 0) await boss.send("bench", { to: "ada@example.com" });
}

async function work() {
	while (toComplete > 0) {
		const [job] = await boss.fetch("bench");
		if (job === undefined) {
			await new Promise((resolve) => setTimeout(resolve, 1));
			continue;
		}
		await boss.complete("bench", job.id);
		toComplete--;
	}
}

const startedAt = performance.now();
await Promise.all(Array.from({ length: Number(workers) }, () => [produce(), work()]).flat());
console.log(`RATE ${(Number(jobs) * 1000) / (performance.now() - startedAt)}`);
await boss.stop({ graceful: false });
process.exit();
