import { build } from "../app.ts";
import { readConfig } from "../config.ts";
import { openLog } from "../kernel/log.ts";
import { openStorage } from "../storage/open.ts";

/** Prints the OpenAPI document. It is the same whatever the environment says, so a database in memory will do. */
export async function openapi(): Promise<void> {
	const config = readConfig({ DATABASE_URL: "sqlite://:memory:", LOG_LEVEL: "silent" }, false);
	const { log } = await openLog(config);
	const storage = await openStorage(config.database, log);
	const app = await build(config, { storage, log });
	console.log(await app.openapi());
	await app.stop();
	await storage.stop();
}
