import type { Database } from "bun:sqlite";
import { getTableName } from "drizzle-orm";
import { unavailable } from "../write-queue.ts";
import type { Registration } from "./collection.ts";
import type { DatabaseFiles } from "./database-files.ts";
import { readsOf } from "./reads.ts";

/**
 * Whether the database can be used: that its files are there and whole, and have the tables of these collections. Throws
 * `unavailable`.
 */
export function pingOf(
	database: Database,
	files: DatabaseFiles,
	registered: readonly Registration<unknown>[],
): () => Promise<void> {
	const { read } = readsOf(files);
	const tables = registered.flatMap((registration) => Object.values(registration.tables).map(getTableName));
	const found = database.query<{ count: number }, [string]>(
		"SELECT count(*) AS count FROM sqlite_master WHERE type = 'table' AND name IN (SELECT value FROM json_each(?))",
	);
	const names = JSON.stringify(tables);
	const head = database.query("SELECT rev FROM log_head");
	return async () => {
		await read(() => head.get());
		const { count = 0 } = (await read(() => found.get(names))) ?? {};
		if (count < tables.length) throw unavailable(new Error("tables of the program are missing"));
		if (!files.isIntact()) throw unavailable(undefined);
	};
}
