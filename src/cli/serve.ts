import { type App, build } from "../app.ts";
import { userService } from "../auth/users.ts";
import type { Config } from "../config.ts";
import { type Log, type OpenLog, openLog } from "../kernel/log.ts";
import { openFilesMax, streamsWithin } from "../kernel/open-files.ts";
import { withTimeout } from "../kernel/timeout.ts";
import { membership } from "../spaces/members.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import { environment } from "./environment.ts";
import { firstUser } from "./first-user.ts";
import { greet } from "./greeting.ts";
import { reachableUrl } from "./healthcheck.ts";
import { warnOfPublicReads } from "./public-reads.ts";
import { stopSignal } from "./stop-signal.ts";

/** How long the end waits for a reader of the log that has stopped reading. */
const flushMsMax = 2000;

/** Migrates, serves until a signal comes, stops in order; returns the exit code. */
export async function serve(): Promise<number> {
	const config = environment();
	const stopping = stopSignal();
	const { log, announce, flush } = await openLog(config);
	const flushed = (code: number) => withTimeout(flushMsMax, flush()).catch(() => process.exit(code));
	const opened = await Promise.race([open(config, log), stopping]).catch(async (error) => {
		await flushed(1);
		throw error;
	});
	if (typeof opened === "string") {
		// Nothing is half-done: a migration under way is a transaction, and the database rolls it back.
		log.info({ signal: opened }, "Stopping.");
		await flushed(0);
		process.exit(0);
	}
	const { storage, app } = opened;
	try {
		const { url } = app.start();
		await Promise.race([becomeReady(opened, url, config, announce), stopping]);
		process.on("unhandledRejection", (error) => log.error({ err: error }, "Unhandled rejection."));
		log.info({ signal: await stopping }, "Stopping.");
		return 0;
	} finally {
		await app.stop();
		await storage.stop();
		await flushed(0);
	}
}

interface Opened {
	readonly storage: Storage;
	readonly app: App;
}

async function open(config: Config, log: Log): Promise<Opened> {
	const storage = await openStorage(config.database, log, (name) =>
		log.info({ migration: name }, "Migrated."),
	);
	try {
		warnOfPublicReads(config, log);
		const fitting = { ...config, eventStreamsMax: streamsMax(config, log) };
		return { storage, app: await build(fitting, { storage, log }) };
	} catch (error) {
		await storage.stop();
		throw error;
	}
}

async function becomeReady(
	{ storage, app }: Opened,
	url: string,
	config: Config,
	announce: OpenLog["announce"],
): Promise<void> {
	// After listening: where the port is taken, no user may be left behind whose password nobody was shown.
	const user = await firstUser(userService(storage.users, storage.run, membership), config.devUser);
	app.ready();
	greet(reachableUrl(url, config.host), user, config, announce);
	// The executable starts with the JIT delayed (build.ts), because what has run so far runs once.
	Bun.unsafe.setJITPolicy(1);
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
