import { describe, expect, test } from "bun:test";
import { readConfig } from "../../src/config.ts";
import { newId } from "../../src/ids.ts";
import { openStorage } from "../../src/storage/open.ts";
import { CommitNotifier } from "../../src/storage/postgres/commit-notifier.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { durableDatabases } from "../support/databases.ts";
import { silentLog } from "../support/server.ts";
import { onEnd } from "../support/teardown.ts";
import { sharedLogContract } from "./events.ts";

const log = await silentLog();

async function openAt(url: string): Promise<Storage> {
	const storage = await openStorage(readConfig({ DATABASE_URL: url }, false).database, log);
	onEnd(storage.stop);
	return storage;
}

for (const { name, newUrl } of durableDatabases) {
	describe(`${name}, opened twice`, async () => {
		const url = await newUrl();
		sharedLogContract(() => openAt(url));
	});
}

const postgres = durableDatabases.find(({ name }) => name === "Postgres");

test.if(postgres !== undefined)("on Postgres a commit notifies: no poll is waited for", async () => {
	const url = (await postgres?.newUrl()) ?? "";
	const storage = await openAt(url);
	const signal = new CommitNotifier(url, async () => {}, log, 3_600_000);
	onEnd(() => signal.stop());
	let heard = Promise.withResolvers<void>();
	const forget = signal.onChange(() => heard.resolve());
	await heard.promise; // once by itself, when it has begun to listen
	heard = Promise.withResolvers();
	await storage.tasks.create({
		id: newId(),
		task: { title: "one" },
		idempotent: undefined,
		now: 1000,
		requestId: "r",
	});
	await heard.promise;
	forget();
	expect((await storage.events.range()).rev).toBe(1);
});
