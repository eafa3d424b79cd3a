import postgres from "postgres";
import { type Log, loggable } from "../../log.ts";
import { Listeners } from "../listeners.ts";
import { reconnectSeconds } from "./connection.ts";

/** Where a transaction that appends events says so. */
export const channel = "orchestrator_log";

/** A notification can be lost (a broken connection, a pooler that keeps them): the log is looked at this often. */
const pollMsDefault = 1000;

/**
 * Notifies of commits by any process, with a connection of its own. postgres-js' `listen` gives up for good when the
 * server is not back at the first try; this one tries again at every poll. Another server may lack the newest commits,
 * so each poll first has `checkEpoch` see to that: listeners read a log that has been checked.
 */
export class CommitNotifier {
	readonly #listeners = new Listeners(() => this.#watch());
	#client: postgres.Sql | undefined;
	#isListening = false;
	#polling: Promise<void> | undefined;

	constructor(
		private readonly url: string,
		private readonly checkEpoch: () => Promise<void>,
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
			void this.#poll();
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
			await this.#poll();
		} catch (error) {
			this.#isListening = false;
			this.log.debug({ err: loggable(error) }, "LISTEN failed; the log is polled meanwhile.");
		}
	}

	/** One at a time, so that polls do not pile up at a server that does not answer. */
	#poll(): Promise<void> {
		this.#polling ??= this.#checkAndNotify().finally(() => {
			this.#polling = undefined;
		});
		return this.#polling;
	}

	async #checkAndNotify(): Promise<void> {
		try {
			await this.checkEpoch();
			this.#listeners.notify();
		} catch (error) {
			this.log.debug({ err: loggable(error) }, "The log could not be polled; trying again.");
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
			onnotify: () => this.#listeners.notify(),
		};
		return postgres(this.url, options);
	}
}
