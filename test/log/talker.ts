import { writeFileSync } from "node:fs";
import { openLog } from "../../src/kernel/log.ts";

/** Logs `LINES` lines, says in the file `SAID` that it has done so, and ends as the program does. */
const { log, flush } = await openLog({ logLevel: "info", logFormat: "json" });
for (let line = 0; line < Number(Bun.env.LINES); line++) {
	log.info({ line }, "x".repeat(500));
	// Now and then the event loop turns, so that a write is under way when the end comes.
	if (line % 1000 === 0) await new Promise(setImmediate);
}
await new Promise(setImmediate);
writeFileSync(Bun.env.SAID ?? "", "done\n");
await flush();
// Nothing of this may be heard, nor do any harm.
for (let late = 0; late < 100; late++) log.info({ line: -1 }, "late");
await flush();
