import { Database } from "bun:sqlite";
import postgres from "postgres";
import type { EventType } from "../../src/kernel/event-draft.ts";
import { onEnd } from "./teardown.ts";

/** Those of a program that did not record the actor yet. */
const columns = "(id, type, subject, data, request_id, time)";

/** Appends an event to the log of a durable database without the service, as a process of an earlier version does. */
export async function foreignWriter(databaseUrl: string): Promise<(type: EventType) => Promise<void>> {
	const data = '{"id":"0"}';
	if (databaseUrl.startsWith("sqlite:")) {
		const database = new Database(databaseUrl.replace("sqlite:///", ""));
		database.run("PRAGMA busy_timeout = 5000");
		onEnd(() => database.close());
		const append = database.transaction((type: string) => {
			database.run("UPDATE log_head SET rev = rev + 1");
			database.run(`INSERT INTO events ${columns} SELECT rev, ?, '/jobs/0', ?, 'foreign', ? FROM log_head`, [
				type,
				data,
				Date.now(),
			]);
		});
		return async (type) => append.immediate(type);
	}
	const sql = postgres(databaseUrl, { max: 1 });
	onEnd(() => sql.end());
	return async (type) => {
		await sql.begin(async (tx) => {
			await tx`UPDATE log_head SET rev = rev + 1`;
			await tx`INSERT INTO events ${sql.unsafe(columns)} SELECT rev, ${type}, '/jobs/0', ${data}, 'foreign', ${Date.now()} FROM log_head`;
		});
	};
}
