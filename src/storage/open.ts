import type { DatabaseAddress } from "../config.ts";
import type { Log } from "../log.ts";
import type { Storage } from "./storage.ts";

/**
 * Opens the database at an address and brings its schema up to date, under a lock, so that many may do it at once.
 * `told` hears the name of each migration that this call applied. Throws `StartupError`, with nothing half-done, if
 * the database cannot be had. The driver that is not needed is not loaded.
 */
export async function openStorage(
	address: DatabaseAddress,
	log: Log,
	told: (migration: string) => void = () => {},
): Promise<Storage> {
	if (address.kind === "sqlite") {
		const { openSqlite } = await import("./sqlite/database.ts");
		return openSqlite(address.path, log, told);
	}
	const { openPostgres } = await import("./postgres/database.ts");
	return openPostgres(address, log, told);
}
