import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { Log } from "../../kernel/log.ts";
import { unavailable } from "../write-queue.ts";
import { walOf } from "./database-paths.ts";
import { isDamaged, isSqliteError, toAppError } from "./errors.ts";
import { FilePlaces } from "./file-places.ts";
import { headerLength, parseHeader } from "./header.ts";

/** Both values of the first four bytes of a WAL (sqlite.org/fileformat.html#the_wal_file_format). */
const walMagic = [0x377f0682, 0x377f0683];

/**
 * The files of a database that this process has open. A process can write for days to a file that somebody has removed,
 * replaced or overwritten, and none of it is there after a restart. So the writer looks here after each commit, before it
 * acknowledges anything: one call of `stat` and two short reads, about 10 µs a group.
 */
export class DatabaseFiles {
	readonly #places: FilePlaces | undefined;
	readonly #header = Buffer.alloc(headerLength);
	#database: number | undefined;
	#wal: number | undefined;
	#size = 0;
	#hasId = false;
	#damage: string | undefined;
	#fault: string | undefined;

	/** `path`: undefined for a database in memory, which nothing can happen to. `fileId`: see `file-id.ts`. */
	constructor(
		private readonly path: string | undefined,
		private readonly fileId: number,
		private readonly log: Pick<Log, "error" | "warn">,
	) {
		if (path === undefined) return;
		this.#places = new FilePlaces(path);
		// Kept open until `close`: a process that closes any descriptor of a file loses all its locks on it, SQLite's too.
		this.#database = openSync(path, "r");
		const wal = walOf(path);
		if (this.#places.has(wal)) this.#wal = openSync(wal, "r");
		this.isIntact();
	}

	/** Whether what is committed now will be there after a restart. Logs one line when this changes. */
	isIntact(): boolean {
		this.#report(this.#damage ?? this.#find());
		return this.#fault === undefined;
	}

	/** Whether the last look found a fault and this one does too; without a look if the last one found none. */
	isStillLost(): boolean {
		return this.#fault !== undefined && !this.isIntact();
	}

	/** Whether a database error comes from lost or damaged files. */
	explain(error: unknown): boolean {
		if (isDamaged(error)) this.#damaged(error);
		// A file that was overwritten gives errors of every kind, such as a table that is missing.
		return isSqliteError(error) && !this.isIntact();
	}

	/**
	 * The error that a caller gets for a database error. For lost or damaged files it has no cause: the line that
	 * `isIntact` logs says it once for all requests.
	 */
	toAppError(error: unknown): unknown {
		return this.explain(error) ? unavailable(undefined) : toAppError(error);
	}

	/** After SQLite has closed the database. */
	close(): void {
		for (const descriptor of [this.#database, this.#wal]) if (descriptor !== undefined) closeSync(descriptor);
		this.#database = this.#wal = undefined;
	}

	#find(): string | undefined {
		const moved = this.#places?.moved();
		if (moved !== undefined) {
			return `${moved} was removed or replaced while this server used it. Put it back; or stop the server, restore a backup and start it again. Until then every write is refused.`;
		}
		try {
			return this.#isWhole() && isWholeWal(this.#wal) ? undefined : this.#damaged();
		} catch {
			return `${this.path} cannot be read. Until it can, every write is refused.`;
		}
	}

	/** For good: a file that was overwritten is not what this process has in memory, even if it looks right again. */
	#damaged(error?: unknown): string {
		this.#damage ??= `${this.path} is damaged, or was overwritten while this server used it. Stop the server, restore a backup and start it again. Until then every write is refused.`;
		this.#report(this.#damage, error);
		return this.#damage;
	}

	#isWhole(): boolean {
		if (this.#database === undefined) return true;
		const length = readSync(this.#database, this.#header, 0, headerLength, 0);
		const header = length === headerLength ? parseHeader(this.#header) : undefined;
		if (header === undefined) return false;
		const hasId = header.fileId === this.fileId;
		// 0 until the first checkpoint after a database has got its id.
		if (!hasId && (this.#hasId || header.fileId !== 0)) return false;
		this.#hasId = hasId;
		const { size } = fstatSync(this.#database);
		// A file that a VACUUM has made smaller says so in its header.
		if (size < this.#size && size < header.size) return false;
		this.#size = size;
		return true;
	}

	#report(fault: string | undefined, error?: unknown): void {
		if (fault === this.#fault) return;
		this.#fault = fault;
		if (fault === undefined) this.log.warn("The database's files are back: writes are accepted again.");
		else this.log.error(error === undefined ? {} : { err: error }, fault);
	}
}

const firstBytes = Buffer.alloc(4);

/** A WAL is empty, or begins with its magic number: one that was emptied and then written to does not. */
function isWholeWal(wal: number | undefined): boolean {
	return (
		wal === undefined ||
		readSync(wal, firstBytes, 0, 4, 0) === 0 ||
		walMagic.includes(firstBytes.readUInt32BE())
	);
}
