import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { alternate, ratio } from "./alternate.ts";
import { startOurs } from "./contenders.ts";
import { requireWrk } from "./load.ts";
import {
	createRequest,
	healthRequest,
	knownListRequest,
	listRequest,
	type Seeded,
	seed,
} from "./requests.ts";

/** What a change costs: `bun bench/compare.ts OLD NEW [rounds]` lets two executables of the service take turns. */
const [old = "", changed = "", rounds = "7"] = Bun.argv.slice(2);
const connections = 64;

requireWrk();
const folder = mkdtempSync(join(tmpdir(), "orchestrator-compare-"));
const contenders = await Promise.all(
	[old, changed].map((binary, index) => startOurs(resolve(binary))(join(folder, String(index)))),
);
try {
	const seeded = await Promise.all(contenders.map(seed));
	const loads = {
		list: async () => listRequest,
		"304": ({ contender }: Seeded) => knownListRequest(contender),
		health: async () => healthRequest,
		create: async ({ authorization }: Seeded) => createRequest(authorization),
	};
	for (const [name, requestOf] of Object.entries(loads)) {
		const entries = await Promise.all(
			seeded.map(async (each, index) => ({
				name: index === 0 ? "old" : "new",
				contenders: [each.contender],
				requests: [await requestOf(each)],
			})),
		);
		const [before = [], after = []] = await alternate(entries, connections, {
			seconds: 2,
			rounds: Number(rounds),
		});
		const rate = ratio(after, before, (a, b) => a.perSecond / b.perSecond).toFixed(3);
		const cpu = ratio(after, before, (a, b) => a.cpuMicros / b.cpuMicros).toFixed(3);
		console.log(`${name}: ${rate} of the requests/s, ${cpu} of the processor time`);
	}
} finally {
	for (const contender of contenders) await contender.stop();
	rmSync(folder, { recursive: true, force: true });
}
