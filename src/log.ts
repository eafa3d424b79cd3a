import pino from "pino";
import type { Config } from "./config.ts";

export type Log = pino.Logger;

/** A logger, and how to get its last lines out before the program ends. */
export interface OpenLog {
	readonly log: Log;
	flush(): void;
}

/**
 * Lines go to standard output: JSON for machines, or one readable line for a terminal. They leave in blocks, at the
 * latest after a tenth of a second, so that logging never holds a request up.
 */
export async function openLog({
	logLevel,
	logFormat,
}: Pick<Config, "logLevel" | "logFormat">): Promise<OpenLog> {
	const destination = pino.destination({ fd: 1, sync: false, minLength: 8192, maxLength: logBytesMax });
	const flushing = setInterval(() => destination.flush(), 100);
	flushing.unref();
	const target = logFormat === "pretty" ? await prettified(destination) : destination;
	const log = pino({ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, target);
	return { log, flush: () => destination.flushSync() };
}

/** Lines beyond this, while nobody takes them, are dropped: a stuck terminal must not fill the memory. */
const logBytesMax = 16 * 1024 * 1024;

async function prettified(destination: ReturnType<typeof pino.destination>): Promise<pino.DestinationStream> {
	const { prettyFactory } = await import("pino-pretty");
	const pretty = prettyFactory({ colorize: true, ignore: "pid,hostname", singleLine: true });
	return { write: (line) => void destination.write(pretty(line)) };
}

/**
 * An error as the log may have it. A drizzle error repeats the query's parameters (a password's hash, a payload) in
 * its message, and a Postgres error the row in its `detail`: of those only code, message and stack of the cause stay.
 */
export function loggable(error: unknown): { name: string; code?: unknown; stack?: string } {
	if (!(error instanceof Error)) return { name: typeof error };
	if (error.name === "DrizzleQueryError") return loggable(error.cause);
	const code = (error as { code?: unknown }).code;
	return {
		name: error.name,
		...(code !== undefined && { code }),
		...(error.stack !== undefined && { stack: error.stack }),
	};
}
