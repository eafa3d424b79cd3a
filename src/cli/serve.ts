import { type App, build } from "../app.ts";
import { openLog } from "../log.ts";
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
	const { log, flush } = await openLog(config);
	const storage = await openStorage(config.database, log, (name) =>
		log.info({ migration: name }, "Migrated."),
	);
	let app: App | undefined;
	try {
		app = await build(config, { storage, log });
		const { url } = app.start();
		// After listening: where the port is taken, no user may be left behind whose password nobody was shown.
		const user = await firstUser(storage.users, config.devUser);
		app.ready();
		greet(reachableUrl(url, config.host), user);
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

/** Resolves with the first SIGTERM or SIGINT; a second one ends the process at once. */
function stopSignal(): Promise<string> {
	return new Promise((resolve) => {
		let isStopping = false;
		for (const signal of ["SIGTERM", "SIGINT"] as const) {
			process.on(signal, () => {
				if (isStopping) process.exit(1);
				isStopping = true;
				resolve(signal);
			});
		}
	});
}

/** Says where to go next. The first user's password is shown here, once, and never logged. */
function greet(url: string, user: FirstUser | undefined): void {
	const credentials = user && JSON.stringify({ email: user.email, password: user.password });
	const lines = [
		"",
		`  Orchestrator is ready at ${url}`,
		`  Swagger UI:  ${url}/swagger`,
		...(user
			? ["", `  First user:  ${user.email}`, `  Password:    ${user.password}   (shown this once)`]
			: []),
		"",
		"  Try:",
		credentials
			? `  curl -s ${url}/auth/login -H 'Content-Type: application/json' -d '${credentials}'`
			: `  curl -s ${url}/collab/state/tasks`,
		"",
	];
	process.stdout.write(`${lines.join("\n")}\n`);
}
