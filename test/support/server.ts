import { type App, type AppDeps, build } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { type Log, openLog } from "../../src/kernel/log.ts";
import { openStorage } from "../../src/storage/open.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { onEnd } from "./teardown.ts";
import { addUser } from "./users.ts";

/** A server in this process that listens on a port. */
export interface TestServer {
	readonly url: string;
	readonly storage: Storage;
	readonly app: App;
	/** `Authorization` for a user that exists. */
	readonly bearer: string;
	stop(): Promise<void>;
}

export const testApiKey = "test-key-0123456789";

/**
 * Serves on a free port with the given environment and the given parts instead of the real ones; limits are off
 * unless set. Stopped at the end of the file's tests.
 */
export async function startServer(
	env: Record<string, string>,
	parts: Partial<AppDeps> = {},
): Promise<TestServer> {
	const config = readConfig(
		{
			PORT: "0",
			LOG_LEVEL: "silent",
			RATE_LIMIT: "off",
			LOGIN_RATE_LIMIT: "off",
			USER_RATE_LIMIT: "off",
			API_KEYS: testApiKey,
			...env,
		},
		false,
	);
	const log = parts.log ?? (await openLog(config)).log;
	const storage = parts.storage ?? (await openStorage(config.database, log));
	const app = await build(config, { ...parts, storage, log });
	const { url } = app.start();
	app.ready();
	const server = {
		url,
		storage,
		app,
		bearer: await addUser(storage, url),
		async stop() {
			await app.stop();
			await storage.stop();
		},
	};
	onEnd(server.stop);
	return server;
}

/** A log without output. */
export async function silentLog(): Promise<Log> {
	return (await openLog({ logLevel: "silent", logFormat: "json" })).log;
}
