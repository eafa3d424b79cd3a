import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alternate, ratio } from "./alternate.ts";
import { type Contender, startProgram } from "./contenders.ts";
import { requireWrk } from "./load.ts";
import { healthRequest, knownListRequest } from "./requests.ts";

/** What the log costs a request, into a file: `bun bench/log.ts [rounds]`. Ratios to the log as the service has it. */
const kinds = ["gathered", "line by line", "none"];
const rounds = Number(Bun.argv[2] ?? 6);

requireWrk();
const folder = mkdtempSync(join(tmpdir(), "orchestrator-log-"));
const contenders: Contender[] = [];
try {
	for (const kind of kinds) {
		const command = [process.execPath, join(import.meta.dir, "log-server.ts")];
		contenders.push(await startProgram(kind, command, join(folder, kind), { LOG: kind }));
	}
	for (const name of ["/healthz", "304"]) {
		const entries = await Promise.all(
			contenders.map(async (contender) => ({
				name: contender.name,
				contenders: [contender],
				requests: [name === "304" ? await knownListRequest(contender) : healthRequest],
			})),
		);
		const samples = await alternate(entries, 64, { seconds: 2, rounds });
		const [gathered = []] = samples;
		for (const [index, kind] of kinds.entries()) {
			const own = samples[index] ?? [];
			const rate = ratio(own, gathered, (a, b) => a.perSecond / b.perSecond).toFixed(2);
			const cpu = ratio(own, gathered, (a, b) => a.cpuMicros / b.cpuMicros).toFixed(2);
			console.log(`${name}, ${kind}: ${rate} of the requests/s, ${cpu} of the processor time`);
		}
	}
} finally {
	for (const contender of contenders) await contender.stop();
	rmSync(folder, { recursive: true, force: true });
}
