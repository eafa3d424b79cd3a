import pino from "pino";
import type { Log } from "../../src/kernel/log.ts";
import { loggable } from "../../src/kernel/loggable.ts";

/** A log that a test can read. */
export interface RecordedLog {
	readonly log: Log;
	/** Every line so far, request lines included. */
	readonly lines: readonly Record<string, unknown>[];
	/** All lines as one text, to check for what must be absent. */
	text(): string;
}

export function recordedLog(): RecordedLog {
	const lines: Record<string, unknown>[] = [];
	const target = { write: (line: string) => void lines.push(JSON.parse(line)) };
	const log = pino({ level: "debug", base: null, serializers: { err: loggable } }, target);
	const request: Log["request"] = (line) => void lines.push({ ...line, msg: "request" });
	return { log: Object.assign(log, { request }), lines, text: () => JSON.stringify(lines) };
}
