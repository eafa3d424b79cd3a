import { readFileSync } from "node:fs";
import { type App, build } from "../app.ts";
import type { Config } from "../config.ts";
import { type Log, type OpenLog, openLog } from "../log.ts";
import { openFilesMax, streamsWithin } from "../open-files.ts";
import { openStorage } from "../storage/open.ts";
import { withTimeout } from "../timeout.ts";
import { environment } from "./environment.ts";
import { type FirstUser, firstUser } from "./first-user.ts";
import { reachableUrl } from "./healthcheck.ts";

/** How long the end waits for a reader of the log that has stopped reading. */
const flushMsMax = 2000;

/** Migrates, serves until a signal comes, stops in order; returns the exit code. */
export async function serve(): Promise<number> {
	const config = environment();
	const stopping = stopSignal();
	const { log, announce, flush } = await openLog(config);
	const storage = await openStorage(config.database, log, (name) =>
		log.info({ migration: name }, "Migrated."),
	);
	let app: App | undefined;
	try {
		app = await build({ ...config, eventStreamsMax: streamsMax(config, log) }, { storage, log });
		const { url } = app.start();
		// After listening: where the port is taken, no user may be left behind whose password nobody was shown.
		const user = await firstUser(storage.users, config.devUser);
		app.ready();
		greet(reachableUrl(url, config.host), user, config, announce);
		// The executable starts with the JIT delayed (build.ts), because what has run so far runs once.
		Bun.unsafe.setJITPolicy(1);
		process.on("unhandledRejection", (error) => log.error({ err: error }, "Unhandled rejection."));
		log.info({ signal: await stopping }, "Stopping.");
		return 0;
	} finally {
		await app?.stop();
		await storage.stop();
		await withTimeout(flushMsMax, flush()).catch(() => process.exit(0));
	}
}

/** At the limit of open files a server accepts nobody and spins: streams, which stay, may not take it there. */
function streamsMax({ eventStreamsMax }: Config, log: Log): number {
	const files = openFilesMax();
	const fitting = files === undefined ? eventStreamsMax : streamsWithin(files);
	if (fitting >= eventStreamsMax) return eventStreamsMax;
	log.warn(
		{ open_files_max: files, streams_max: fitting },
		`EVENTS_STREAMS_MAX is ${eventStreamsMax}, and held at ${fitting}: the process may have ${files} files open. Raise that (ulimit -n, LimitNOFILE) or lower EVENTS_STREAMS_MAX.`,
	);
	return fitting;
}

/**
 * Resolves with the first SIGTERM, SIGINT or SIGHUP; a second one ends the process at once. Not a second SIGHUP: when a
 * terminal closes, both the kernel and the shell send one.
 */
function stopSignal(): Promise<string> {
	return new Promise((resolve) => {
		let isStopping = false;
		for (const signal of stopSignals()) {
			process.on(signal, () => {
				if (isStopping && signal !== "SIGHUP") process.exit(1);
				isStopping = true;
				resolve(signal);
			});
		}
	});
}

/** A process that ignores SIGHUP was started to outlive its terminal, as `nohup` does: a handler would undo that. */
function stopSignals(): readonly NodeJS.Signals[] {
	return ignoresHangup() ? ["SIGTERM", "SIGINT"] : ["SIGTERM", "SIGINT", "SIGHUP"];
}

/** Counts as true where the system has no /proc to tell. */
function ignoresHangup(): boolean {
	try {
		const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
		return ignored === undefined || (BigInt(`0x${ignored}`) & 1n) === 1n;
	} catch {
		return true;
	}
}

/**
 * Says where to go next, whatever the log's level. The first user's password is shown here, once, and never logged: where
 * standard output is a log for machines, it goes to standard error.
 */
function greet(
	url: string,
	user: FirstUser | undefined,
	{ logFormat }: Config,
	announce: OpenLog["announce"],
): void {
	if (logFormat === "pretty") return void process.stdout.write(greeting(url, user));
	announce({ url }, "Ready.");
	if (user !== undefined) process.stderr.write(`${["", ...shownOnce(user), ""].join("\n")}\n`);
}

function greeting(url: string, user: FirstUser | undefined): string {
	const credentials = user && JSON.stringify({ email: user.email, password: user.password });
	const lines = [
		"",
		`  Orchestrator is ready at ${url}`,
		`  Swagger UI:  ${url}/swagger`,
		...(user ? ["", ...shownOnce(user)] : []),
		"",
		"  Try:",
		credentials
			? `  curl -s ${url}/auth/login -H 'Content-Type: application/json' -d '${credentials}'`
			: `  curl -s ${url}/collab/state/tasks`,
		"",
	];
	return `${lines.join("\n")}\n`;
}

function shownOnce({ email, password }: FirstUser): readonly string[] {
	return [`  First user:  ${email}`, `  Password:    ${password}   (shown this once)`];
}
