import { describe } from "bun:test";
import { everyDatabase } from "../support/databases.ts";
import { postgresVariants } from "../support/postgres-variants.ts";
import { openTestStorage, type TestStorage } from "../support/storage.ts";
import { accessTokenStoreContract } from "./access-tokens.ts";
import { claimStoreContract } from "./claims.ts";
import { commentStoreContract } from "./comments.ts";
import { eventStoreContract } from "./events.ts";
import { jobStoreContract } from "./jobs.ts";
import { settingStoreContract } from "./settings.ts";
import { spaceStoreContract } from "./spaces.ts";
import { taskListContract } from "./task-lists.ts";
import { taskStoreContract } from "./tasks.ts";
import { unitOfWorkContract } from "./units.ts";
import { userStoreContract } from "./users.ts";

function storeContracts(open: () => Promise<TestStorage>): void {
	unitOfWorkContract(open);
	taskStoreContract(open);
	claimStoreContract(open);
	taskListContract(open);
	commentStoreContract(open);
	jobStoreContract(open);
	eventStoreContract(open);
	userStoreContract(open);
	accessTokenStoreContract(open);
	spaceStoreContract(open);
	settingStoreContract(open);
}

const databases = [...everyDatabase.map((database) => ({ ...database, env: {} })), ...postgresVariants];

for (const { name, newUrl, env } of databases) {
	let last: TestStorage | undefined;

	/** Closes the one of the test before: a server has only so many connections. */
	async function open(): Promise<TestStorage> {
		await last?.stop();
		last = await openTestStorage(await newUrl(), undefined, env);
		return last;
	}
	describe(name, () => storeContracts(open));
}
