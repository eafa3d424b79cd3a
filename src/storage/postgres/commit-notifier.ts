import postgres from "postgres";
import { type Log, loggable } from "../../log.ts";
import { Listeners } from "../listeners.ts";
import { reconnectSeconds } from "./connection.ts";

/** Where a transaction that appends events says so. */
export const channel = "orchestrator_log";

/** A notification can be lost (a broken connection, a pooler that keeps them): the log is looked at this often. */
const pollMsDefault = 1000;

/**
 * Tells of commits by whatever process, on a connection of its own. postgres-js' `listen` gives up for good when the
 * server is not back at the first try; this one tries again at every poll.
 */
export class CommitNotifier {
	readonly #listeners = new Listeners(() => this.#watch());
	#client: postgres.Sql | undefined;
	#isListening = false;

	constructor(
		private readonly url: string,
		private readonly log: Log,
		private readonly pollMs = pollMsDefault,
	) {}

	onChange(listener: () => void): () => void {
		return this.#listeners.add(listener);
	}

	async stop(): Promise<void> {
		this.#listeners.stop();
		await this.#client?.end({ timeout: 1 });
	}

	#watch(): () => void {
		void this.#listen();
		const timer = setInterval(() => {
			void this.#listen();
			this.#listeners.tell();
		}, this.pollMs);
		return () => clearInterval(timer);
	}

	async #listen(): Promise<void> {
		if (this.#isListening) return;
		this.#isListening = true;
		try {
			this.#client ??= this.#connect();
			await this.#client.unsafe(`LISTEN ${channel}`);
			// What was sent before is lost.
			this.#listeners.tell();
		} catch (error) {
			this.#isListening = false;
			this.log.debug({ err: loggable(error) }, "LISTEN failed; the log is polled meanwhile.");
		}
	}

	#connect(): postgres.Sql {
		const options = {
			max: 1,
			connect_timeout: 5,
			backoff: () => reconnectSeconds,
			idle_timeout: 0,
			max_lifetime: null,
			fetch_types: false,
			connection: { application_name: "orchestrator listen" },
			onnotice() {},
			onclose: () => {
				this.#isListening = false;
			},
			// Known to postgres-js, though not to its types.
			onnotify: () => this.#listeners.tell(),
		};
		return postgres(this.url, options);
	}
}
