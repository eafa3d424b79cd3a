import { realpathSync } from "node:fs";

/** The files that SQLite keeps beside an open database: not beside a symbolic link to it. */
export function filesBeside(path: string): readonly string[] {
	return [walOf(path), `${realpathSync(path)}-shm`];
}

export function walOf(path: string): string {
	return `${realpathSync(path)}-wal`;
}
