import { describe, expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { CommitNotifier } from "../../src/storage/postgres/commit-notifier.ts";
import { systemContext } from "../support/context.ts";
import { durableDatabases } from "../support/databases.ts";
import { postgresAddress } from "../support/pool.ts";
import { silentLog } from "../support/server.ts";
import { openTestStorage } from "../support/storage.ts";
import { onEnd } from "../support/teardown.ts";
import { sharedLogContract } from "./events.ts";

const log = await silentLog();

for (const { name, newUrl } of durableDatabases) {
	describe(`${name}, opened twice`, async () => {
		const url = await newUrl();
		sharedLogContract(() => openTestStorage(url));
	});
}

const postgres = durableDatabases.find(({ name }) => name === "Postgres");

test.if(postgres !== undefined)(
	"on Postgres a commit notifies at once, without waiting for a poll",
	async () => {
		const url = (await postgres?.newUrl()) ?? "";
		const storage = await openTestStorage(url);
		const signal = new CommitNotifier(postgresAddress(url), async () => {}, log, 3_600_000);
		onEnd(() => signal.stop());
		let heard = Promise.withResolvers<void>();
		const forget = signal.onChange(() => heard.resolve());
		await heard.promise; // the first notification, when it has begun to listen
		heard = Promise.withResolvers();
		await storage.tasks.create({
			id: newId(),
			author: "Ada",
			task: { title: "one" },
			idempotent: undefined,
			now: 1000,
			context: systemContext,
		});
		await heard.promise;
		forget();
		expect((await storage.events.range()).rev).toBe(1);
	},
);
