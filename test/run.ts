import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgresUrl } from "./support/postgres.ts";
import { redisUrl } from "./support/redis.ts";
import { tearDown } from "./support/teardown.ts";

/**
 * The whole suite: starts what the tests need once for all of them, runs `bun test`, and says in its last lines what
 * was skipped and how many tests passed and failed. Further words go to `bun test`.
 */
const skipsFile = join(tmpdir(), `orchestrator-skips-${process.pid}`);
writeFileSync(skipsFile, "");
Bun.env.TEST_SKIPS_FILE = skipsFile;

const [postgres, redis] = await Promise.all([postgresUrl(), redisUrl()]);
const child = Bun.spawn([process.execPath, "test", ...process.argv.slice(2)], {
	env: {
		...Bun.env,
		...(postgres !== undefined && { TEST_POSTGRES_URL: postgres }),
		...(redis !== undefined && { TEST_REDIS_URL: redis }),
	},
	stdin: "ignore",
	stdout: "inherit",
	stderr: "pipe",
});
let report = "";
const text = new TextDecoder();
for await (const chunk of child.stderr) {
	process.stderr.write(chunk);
	report += text.decode(chunk, { stream: true });
}
const code = await child.exited;
await tearDown();

const skips = new Set(readFileSync(skipsFile, "utf8").split("\n").filter(Boolean));
rmSync(skipsFile);
for (const line of skips) console.log(line);
console.log(`${count("pass")} passed, ${count("fail")} failed`);
process.exit(code);

/** The number in bun's own summary, such as ` 12 pass`. */
function count(outcome: "pass" | "fail"): number {
	return Number([...report.matchAll(new RegExp(`^\\s*(\\d+) ${outcome}$`, "gm"))].at(-1)?.[1] ?? 0);
}
