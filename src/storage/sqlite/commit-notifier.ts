import type { Database } from "bun:sqlite";
import { Listeners } from "../listeners.ts";

/** How often it polls for commits of other processes. One pragma: a microsecond. */
const pollMs = 200;

/** Notifies of commits: of the writer's own at once, of other processes' at the next poll of the file's version. */
export class CommitNotifier {
	readonly #listeners = new Listeners(() => this.#watch());

	constructor(private readonly database: Database) {}

	onChange(listener: () => void): () => void {
		return this.#listeners.add(listener);
	}

	/** Call it after each commit of this process. */
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
			try {
				const now = version.get()?.data_version;
				if (now === seen) return;
				seen = now;
			} catch {
				// A file that cannot be read: whoever reads its tables reports that.
				return;
			}
			this.#listeners.notify();
		}, pollMs);
		return () => clearInterval(timer);
	}
}
