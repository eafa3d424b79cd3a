import { realpathSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { filesBeside } from "./database-paths.ts";

/** A change of a folder this soon before a look may have the same time as a later one: file systems count in ticks. */
const tickMsMax = 100;

/**
 * Whether a database's files are still the ones at their paths. While nothing changes in their folder, one `stat` of it
 * tells. The `stat` of the WAL is avoided: Linux gives the next write to a file a time of its own after each one, and the
 * flush of that took a commit from 120 to 190 µs.
 */
export class FilePlaces {
	readonly #identities = new Map<string, string>();
	readonly #folder: string;
	readonly #isLinked: boolean;
	/** The folder at the last look at each of the files. */
	#seen: Stats | undefined;

	constructor(private readonly path: string) {
		for (const file of [path, ...filesBeside(path)]) {
			const identity = identityOf(file);
			if (identity !== undefined) this.#identities.set(file, identity);
		}
		const real = realpathSync(path);
		this.#folder = dirname(real);
		this.#isLinked = real !== resolve(path);
	}

	/** Whether there was such a file at the beginning. */
	has(file: string): boolean {
		return this.#identities.has(file);
	}

	/** A file that is not the one from the beginning; undefined if all are. */
	moved(): string | undefined {
		const folder = statOf(this.#folder);
		if (folder !== undefined && this.#isUnchanged(folder)) {
			// A symbolic link to the database is in another folder.
			return this.#isLinked ? this.#firstMoved([this.path]) : undefined;
		}
		const moved = this.#firstMoved(this.#identities.keys());
		this.#seen = moved === undefined ? folder : undefined;
		return moved;
	}

	#isUnchanged({ dev, ino, ctimeMs }: Stats): boolean {
		const seen = this.#seen;
		if (seen?.ctimeMs !== ctimeMs || seen.ino !== ino || seen.dev !== dev) return false;
		return Date.now() - ctimeMs > tickMsMax;
	}

	#firstMoved(files: Iterable<string>): string | undefined {
		for (const file of files) if (identityOf(file) !== this.#identities.get(file)) return file;
		return undefined;
	}
}

/** Which file is at a path; undefined if there is none, or none that may be looked at. */
function identityOf(path: string): string | undefined {
	const found = statOf(path);
	return found && `${found.dev}:${found.ino}`;
}

function statOf(path: string): Stats | undefined {
	try {
		return statSync(path, { throwIfNoEntry: false });
	} catch {
		return undefined;
	}
}
