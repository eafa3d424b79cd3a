import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgresUrl } from "./support/postgres.ts";
import { redisUrl } from "./support/redis.ts";
import { tearDown } from "./support/teardown.ts";

/**
 * The whole suite: starts the servers that the tests need once for all of them, runs `bun test`, and prints last what was
 * skipped and how many tests passed and failed. Further arguments are passed to `bun test`.
 */
const folder = mkdtempSync(join(tmpdir(), "orchestrator-tests-"));
const skipsFile = join(folder, "skips");
writeFileSync(skipsFile, "");
Bun.env.TEST_SKIPS_FILE = skipsFile;
Bun.env.TEST_BINARY = join(folder, "orchestrator");

let child: Bun.Subprocess | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child?.kill(signal));

let passed = 0;
let failed = 0;
try {
	const [postgres, redis] = await Promise.all([postgresUrl(), redisUrl()]);
	const code = await runTests({
		...(postgres !== undefined && { TEST_POSTGRES_URL: postgres }),
		...(postgres !== undefined && !Bun.env.TEST_POSTGRES_URL && { TEST_POSTGRES_OWN: postgres }),
		...(redis !== undefined && { TEST_REDIS_URL: redis }),
	});
	// A run that fails outside of a test, or is killed, has no failed test.
	if (code !== 0 && failed === 0) failed = 1;
} catch (error) {
	console.error(error);
	failed = 1;
} finally {
	await tearDown();
}
for (const line of new Set(readFileSync(skipsFile, "utf8").split("\n").filter(Boolean))) console.log(line);
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Counts what passed and failed; returns the exit code of `bun test`. */
async function runTests(env: Record<string, string>): Promise<number> {
	// Tests start whole processes, on machines that run other work too: five seconds are not enough. What a file has opened
	// ends with the file: the servers of all files together would leave no time to the last ones.
	const tests = Bun.spawn(
		[process.execPath, "test", "--isolate", "--timeout=60000", ...process.argv.slice(2)],
		{
			env: { ...Bun.env, ...env },
			stdin: "ignore",
			stdout: "inherit",
			stderr: "pipe",
		},
	);
	child = tests;
	let report = "";
	const text = new TextDecoder();
	for await (const chunk of tests.stderr) {
		process.stderr.write(chunk);
		report += text.decode(chunk, { stream: true });
	}
	passed = count(report, "pass");
	failed = count(report, "fail");
	return tests.exited;
}

/** The number in bun's own summary, such as ` 12 pass`. */
function count(report: string, outcome: "pass" | "fail"): number {
	return Number([...report.matchAll(new RegExp(`^\\s*(\\d+) ${outcome}$`, "gm"))].at(-1)?.[1] ?? 0);
}
