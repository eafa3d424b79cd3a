import { readdirSync, readlinkSync, realpathSync } from "node:fs";
import { filesBeside } from "./database-paths.ts";

/**
 * The id of a process that uses a database which was once at `path` and is no longer there, or whose WAL is not. Linux
 * shows the open files of the same user's processes (proc_pid_fd(5)); undefined where that cannot be known.
 */
export function userOfMoved(path: string): string | undefined {
	const database = realpathSync(path);
	const files = [database, ...filesBeside(path)];
	return entries("/proc").find((pid) => {
		if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
		const open = new Set(openFiles(pid));
		if (files.some((file) => open.has(`${file} (deleted)`))) return true;
		return files.some((file) => open.has(file)) && !open.has(database);
	});
}

function openFiles(pid: string): readonly string[] {
	const folder = `/proc/${pid}/fd`;
	return entries(folder).flatMap((descriptor) => {
		try {
			return [readlinkSync(`${folder}/${descriptor}`)];
		} catch {
			// Closed meanwhile.
			return [];
		}
	});
}

/** Empty for a folder that is missing or another user's. */
function entries(folder: string): readonly string[] {
	try {
		return readdirSync(folder);
	} catch {
		return [];
	}
}
