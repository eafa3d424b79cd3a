import { describe } from "bun:test";
import { everyDatabase } from "../support/databases.ts";
import { openTestStorage } from "../support/storage.ts";
import { eventStoreContract } from "./events.ts";
import { jobStoreContract } from "./jobs.ts";
import { settingStoreContract } from "./settings.ts";
import { taskStoreContract } from "./tasks.ts";
import { unitOfWorkContract } from "./units.ts";
import { userStoreContract } from "./users.ts";

for (const { name, newUrl } of everyDatabase) {
	const open = async () => openTestStorage(await newUrl());

	describe(name, () => {
		unitOfWorkContract(open);
		taskStoreContract(open);
		jobStoreContract(open);
		eventStoreContract(open);
		userStoreContract(open);
		settingStoreContract(open);
	});
}
