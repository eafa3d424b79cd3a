import { describe } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { openStorage } from "../../src/storage/open.ts";
import { everyDatabase } from "../support/databases.ts";
import { silentLog } from "../support/server.ts";
import { onEnd } from "../support/teardown.ts";
import { eventStoreContract } from "./events.ts";
import { jobStoreContract } from "./jobs.ts";
import { settingStoreContract } from "./settings.ts";
import { taskStoreContract } from "./tasks.ts";
import { userStoreContract } from "./users.ts";

const log = await silentLog();

for (const { name, newUrl } of everyDatabase) {
	async function open() {
		const { database } = readConfig({ DATABASE_URL: await newUrl() }, false);
		const storage = await openStorage(database, log);
		onEnd(storage.stop);
		return storage;
	}

	describe(name, () => {
		taskStoreContract(open);
		jobStoreContract(open);
		eventStoreContract(open);
		userStoreContract(open);
		settingStoreContract(open);
	});
}
