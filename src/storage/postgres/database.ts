import { drizzle } from "drizzle-orm/postgres-js";
import { StartupError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { withTimeout } from "../../timeout.ts";
import { jobStore } from "../job-store.ts";
import type { Storage } from "../storage.ts";
import { taskStore } from "../task-store.ts";
import { CommitNotifier } from "./commit-notifier.ts";
import { type Address, connect } from "./connection.ts";
import { describe, runQuery } from "./errors.ts";
import { eventStore } from "./events.ts";
import { idempotencyStore } from "./idempotency.ts";
import { jobReads } from "./jobs-reads.ts";
import { EpochGuard } from "./log-epoch.ts";
import { migrate } from "./migrate.ts";
import * as schema from "./schema.ts";
import { settingStore } from "./settings.ts";
import { taskReads } from "./tasks.ts";
import { userStore } from "./users.ts";
import { PostgresWriter } from "./writer.ts";

export async function openPostgres(
	address: Address,
	log: Log,
	told: (migration: string) => void,
): Promise<Storage> {
	const sql = connect(address);
	// drizzle changes the parsers of the client it is given; the rows here hold nothing that it would change.
	const db = drizzle(sql, { schema });
	const epochs = new EpochGuard(sql, log);
	try {
		await withTimeout(
			30_000,
			migrate(sql, told).then(() => epochs.check()),
		);
	} catch (error) {
		await sql.end({ timeout: 0 });
		if (error instanceof StartupError) throw error;
		throw new StartupError(`Postgres at ${place(address.url)} cannot be used: ${describe(error)}.`, {
			cause: error,
		});
	}
	const writer = new PostgresWriter(sql, log);
	const signal = new CommitNotifier(address.url, () => epochs.check(), log);
	return {
		tasks: taskStore(writer, taskReads(sql, db)),
		jobs: jobStore(writer, jobReads(sql, db)),
		users: userStore(sql, db),
		events: eventStore(sql, db, signal),
		answers: idempotencyStore(sql),
		settings: settingStore(db),
		writes: () => writer.counts,
		async ping() {
			await runQuery(() => sql`SELECT 1`);
		},
		async stop() {
			await writer.stop();
			await signal.stop();
			await sql.end({ timeout: 5 });
		},
	};
}

/** Host, port and database of a URL: what may be shown of it. */
function place(url: string): string {
	const { host, pathname } = new URL(url);
	return `${host || "localhost"}${pathname}`;
}
