import type { Database } from "bun:sqlite";
import { newEpoch } from "../log-epoch.ts";
import type { Registration } from "./collection.ts";

/** The setting that marks a file as a copy. */
const mark = "log_copied";

/** The next opening of this copy as a database begins a new epoch of its log. */
export function markAsCopy(database: Database): void {
	database.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, '')", [mark]);
}

/** Begins a new epoch in a copy; does nothing in any other database. When several processes try at once, one does it. */
export function beginEpochOfCopy(database: Database, registered: readonly Registration<unknown>[]): void {
	const isCopy = () => database.query("SELECT 1 FROM settings WHERE name = ?").get(mark) !== null;
	if (!isCopy()) return;
	database.transaction(() => isCopy() && begin(database, registered)).immediate();
}

function begin(database: Database, registered: readonly Registration<unknown>[]): void {
	const head = database.query<{ rev: number }, []>("SELECT rev FROM log_head").get();
	const epoch = newEpoch(head?.rev ?? 0, Date.now());
	database.run("DELETE FROM events");
	database.run("UPDATE log_head SET rev = ?1, purged_rev = ?1", [epoch.rev]);
	database.run("UPDATE revisions SET rev = ?", [epoch.rev]);
	for (const { beginEpoch } of registered) beginEpoch?.(database, epoch);
	database.run("DELETE FROM settings WHERE name = ?", [mark]);
}
