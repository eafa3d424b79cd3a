import { drizzle } from "drizzle-orm/postgres-js";
import { within } from "../../deadline.ts";
import { StartupError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { jobStore } from "../job-store.ts";
import type { Storage } from "../storage.ts";
import { taskStore } from "../task-store.ts";
import { answerStore } from "./answers.ts";
import { userStore } from "./auth.ts";
import { type Address, connect } from "./connection.ts";
import { CommitSignal } from "./events-signal.ts";
import { eventStore } from "./events-store.ts";
import { answered, describe } from "./faults.ts";
import { jobReads } from "./jobs-reads.ts";
import { beginLifeOfCopy } from "./life.ts";
import { migrate } from "./migrate.ts";
import * as schema from "./schema.ts";
import { settingStore } from "./settings.ts";
import { taskReads } from "./tasks.ts";
import { PostgresWriter } from "./writer.ts";

export async function openPostgres(
	address: Address,
	log: Log,
	told: (migration: string) => void,
): Promise<Storage> {
	const sql = connect(address);
	// drizzle changes the parsers of the client it is given; the rows here hold nothing that it would change.
	const db = drizzle(sql, { schema });
	try {
		await within(
			30_000,
			migrate(sql, told).then(() => beginLifeOfCopy(sql)),
		);
	} catch (error) {
		await sql.end({ timeout: 0 });
		if (error instanceof StartupError) throw error;
		throw new StartupError(`Postgres at ${place(address.url)} cannot be used: ${describe(error)}.`, {
			cause: error,
		});
	}
	const writer = new PostgresWriter(sql, log);
	const signal = new CommitSignal(address.url, log);
	return {
		tasks: taskStore(writer, taskReads(sql, db)),
		jobs: jobStore(writer, jobReads(sql, db)),
		users: userStore(sql, db),
		events: eventStore(sql, db, signal),
		answers: answerStore(sql),
		settings: settingStore(db),
		writes: () => writer.counts,
		async ping() {
			await answered(() => sql`SELECT 1`);
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
