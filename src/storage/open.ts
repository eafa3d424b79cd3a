import type { DatabaseAddress } from "../config.ts";
import type { Log } from "../kernel/log.ts";
import type { Storage } from "./storage.ts";

/**
 * Opens the database at an address and migrates its schema, under a lock, so that several processes may do it at once.
 * Calls `onMigration` with the name of each migration that this call applied. Throws `StartupError`, and leaves nothing
 * half-done, if the database cannot be opened. Loads only the driver that is needed.
 */
export async function openStorage(
	address: DatabaseAddress,
	log: Log,
	onMigration: (migration: string) => void = () => {},
): Promise<Storage> {
	if (address.kind === "sqlite") {
		const { openSqlite } = await import("./sqlite/database.ts");
		return openSqlite(address.path, log, onMigration);
	}
	const { openPostgres } = await import("./postgres/database.ts");
	return openPostgres(address, log, onMigration);
}
