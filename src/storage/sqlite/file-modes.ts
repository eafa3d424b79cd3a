import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { filesBeside } from "./database-paths.ts";

/**
 * Creates the file of a new database, readable only by its owner: it will hold the secret that signs tokens. SQLite gives
 * its other files the same mode. Does nothing if the file exists; every error is left to SQLite, which reports it.
 */
export function createPrivately(path: string): void {
	// An existing file is not even opened: closing it would drop the locks that SQLite holds on it in this process.
	if (existsSync(path)) return;
	try {
		closeSync(openSync(path, "a", 0o600));
	} catch {}
}

/** Those of a database's files that other users of the machine can open, with the mode. */
export function filesOpenToOthers(path: string): readonly { readonly file: string; readonly mode: string }[] {
	if (process.platform === "win32") return [];
	return [path, ...filesBeside(path)].flatMap((file) => {
		const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
		return (mode & 0o077) === 0 ? [] : [{ file, mode: (mode & 0o777).toString(8).padStart(4, "0") }];
	});
}
