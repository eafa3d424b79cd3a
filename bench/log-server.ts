import pino from "pino";
import { build } from "../src/app.ts";
import { readConfig } from "../src/config.ts";
import { type Log, openLog, requestJson } from "../src/kernel/log.ts";
import { openStorage } from "../src/storage/open.ts";

/** The service with a log of the kind that `LOG` names, for bench/log.ts. */
const config = readConfig(
	{
		PORT: Bun.env.PORT,
		DATABASE_URL: "sqlite://:memory:",
		RATE_LIMIT: "100000000/minute",
		USER_RATE_LIMIT: "100000000/minute",
	},
	false,
);
const log = await logOf(Bun.env.LOG);
const storage = await openStorage(config.database, log);
const app = await build(config, { storage, log });
app.start();
app.ready();

async function logOf(kind: string | undefined): Promise<Log> {
	if (kind === "line by line") return lineByLine();
	return (await openLog({ ...config, logLevel: kind === "none" ? "silent" : "info" })).log;
}

/** Pino's destination as it comes: it is handed each line by itself, and writes 4 KiB at the least. */
function lineByLine(): Log {
	const destination = pino.destination({ fd: 1, sync: false, minLength: 4096, maxLength: 16 * 1024 * 1024 });
	setInterval(() => destination.flush(), 50).unref();
	const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
	return Object.assign(log, { request: (line) => void destination.write(requestJson(line)) } as Pick<
		Log,
		"request"
	>);
}
