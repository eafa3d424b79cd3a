import type { Database } from "bun:sqlite";
import { Listeners } from "../listeners.ts";

/** How often another process's commits are looked for. One pragma: a microsecond. */
const pollMs = 200;

/** Tells of commits: the writer's own at once, those of other processes with the file's version, soon after. */
export class CommitNotifier {
	readonly #listeners = new Listeners(() => this.#watch());

	constructor(private readonly database: Database) {}

	onChange(listener: () => void): () => void {
		return this.#listeners.add(listener);
	}

	/** This process has committed. */
	committed(): void {
		this.#listeners.notify();
	}

	stop(): void {
		this.#listeners.stop();
	}

	#watch(): () => void {
		// Changes with every commit of another connection (sqlite.org/pragma.html#pragma_data_version).
		const version = this.database.query<{ data_version: number }, []>("PRAGMA data_version");
		let seen = version.get()?.data_version;
		const timer = setInterval(() => {
			const now = version.get()?.data_version;
			if (now === seen) return;
			seen = now;
			this.#listeners.notify();
		}, pollMs);
		return () => clearInterval(timer);
	}
}
