import { type Config, readConfig } from "../config.ts";
import { type Log, openLog } from "../kernel/log.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";

/** The environment of this process, checked. Throws `ConfigError`. */
export function environment(): Config {
	return readConfig(Bun.env, process.stdout.isTTY ?? false);
}

/** For commands that do one thing with the database: opens it, does it, closes it. Logs only errors. */
export async function withStorage<T>(
	job: (storage: Storage, config: Config, log: Log) => Promise<T>,
	onMigration?: (name: string) => void,
): Promise<T> {
	const config = environment();
	const { log, flush } = await openLog({ logLevel: "error", logFormat: config.logFormat });
	const storage = await openStorage(config.database, log, onMigration);
	try {
		return await job(storage, config, log);
	} finally {
		await storage.stop();
		await flush();
	}
}
