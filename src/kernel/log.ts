import pino from "pino";
import type { LogOptions } from "./log-options.ts";
import { LogOutput } from "./log-output.ts";
import { loggable } from "./loggable.ts";

/** One finished request. Nothing secret can be in it: the path is without its query, no header, no body. */
export interface RequestLine {
	/** When it finished, in ms since the epoch. */
	readonly at: number;
	readonly requestId: string;
	readonly method: string;
	readonly path: string;
	readonly status: number;
	readonly milliseconds: number;
	readonly client: string;
	/** A user's id or a key's fingerprint. */
	readonly principal: string | undefined;
}

export interface Log extends Pick<pino.Logger, "debug" | "info" | "warn" | "error"> {
	request(line: RequestLine): void;
}

/** A logger, and how to get its last lines out before the program ends. */
export interface OpenLog {
	readonly log: Log;
	/** Logs a line at whatever level: what the program was started for. */
	announce(fields: object, message: string): void;
	flush(): Promise<void>;
}

/** Lines go to standard output: JSON for machines, or one readable line for a terminal. An `err` is logged as `loggable` has it. */
export async function openLog({ logLevel, logFormat }: LogOptions): Promise<OpenLog> {
	const output = new LogOutput<string | RequestLine>(1, (line) =>
		typeof line === "string" ? line : requestJson(line),
	);
	const isPretty = logFormat === "pretty";
	const target = isPretty ? await prettified(output) : output;
	const log = pino(
		{ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: loggable } },
		target,
	);
	const request = !log.isLevelEnabled("info")
		? () => {}
		: isPretty
			? ({ at: _, ...line }: RequestLine) => log.info(line, "request")
			: (line: RequestLine) => output.write(line);
	return {
		log: Object.assign(log, { request }),
		announce: (fields, message) => log.child({}, { level: "info" }).info(fields, message),
		flush: () => output.flush(),
	};
}

async function prettified(output: pino.DestinationStream): Promise<pino.DestinationStream> {
	const { prettyFactory } = await import("pino-pretty");
	const pretty = prettyFactory({ colorize: true, ignore: "pid,hostname", singleLine: true });
	return { write: (line) => output.write(pretty(line)) };
}

/**
 * The line that pino would write. Put together here because every request has one: with pino's own serialization the
 * log took more than half of a list's time. Only path and address may need escaping.
 */
export function requestJson(line: RequestLine): string {
	const principal = line.principal === undefined ? "" : `,"principal":"${line.principal}"`;
	const milliseconds = Math.round(line.milliseconds * 100) / 100;
	const { requestId, method, status } = line;
	return `{"level":30,"time":"${timeText(line.at)}","request_id":"${requestId}","method":"${method}","path":${quoted(line.path)},"status":${status},"ms":${milliseconds},"client":${quoted(line.client)}${principal},"msg":"request"}\n`;
}

function quoted(text: string): string {
	return /^[\w./:%~-]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

let lastMs = 0;
let lastText = "";

/** A time as RFC 3339, formatted once a millisecond. */
function timeText(milliseconds: number): string {
	if (milliseconds !== lastMs) {
		lastMs = milliseconds;
		lastText = new Date(milliseconds).toISOString();
	}
	return lastText;
}
