import { readFileSync } from "node:fs";

/** Kept for the database, the listener and ordinary requests: half of what may be open, and this many at most. */
const reservedMax = 1000;

/** How many files and sockets this process may have open; undefined where the system does not say. */
export function openFilesMax(): number | undefined {
	try {
		const soft = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
		return soft === undefined ? undefined : Number(soft);
	} catch {
		return undefined;
	}
}

/** How many streams, each of which holds a socket open, fit into what the process may have open. */
export function streamsWithin(filesMax: number): number {
	return Math.max(1, filesMax - Math.min(reservedMax, Math.ceil(filesMax / 2)));
}
