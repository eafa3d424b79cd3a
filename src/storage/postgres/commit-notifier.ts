import postgres from "postgres";
import type { Log } from "../../kernel/log.ts";
import { Listeners } from "../listeners.ts";
import { clientOptions } from "./client-options.ts";
import { type Address, applicationName, reconnectSeconds } from "./connection.ts";

/** The channel on which a transaction that appends events notifies. */
export const channel = "orchestrator_log";

/** A notification can be lost (a broken connection): so it polls this often. */
const pollMsListening = 1000;
/** Where no notification comes. */
const pollMsAlone = 250;

/**
 * Notifies of commits by any process, over its own connection. postgres-js' `listen` gives up for good if the server is
 * not back at its first attempt; this one retries at every poll. Another server may lack the newest commits, so each poll
 * calls `checkEpoch` first: listeners read a log that has been checked.
 */
export class CommitNotifier {
	readonly #listeners = new Listeners(() => this.#watch());
	#client: postgres.Sql | undefined;
	#isListening = false;
	#polling: Promise<void> | undefined;

	constructor(
		private readonly address: Address,
		private readonly checkEpoch: () => Promise<void>,
		private readonly log: Log,
		private readonly pollMs = address.listens ? pollMsListening : pollMsAlone,
	) {
		if (!address.listens) log.info("DATABASE_LISTEN is off: commits of other processes are polled for.");
	}

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
		if (this.#isListening || !this.address.listens) return;
		this.#isListening = true;
		try {
			this.#client ??= this.#connect();
			await this.#client.unsafe(`LISTEN ${channel}`);
			// Notifications from before are lost.
			await this.#poll();
		} catch (error) {
			this.#isListening = false;
			this.log.debug({ err: error }, "LISTEN failed; the log is polled meanwhile.");
		}
	}

	/** One at a time, so that polls do not pile up if the server does not answer. */
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
			this.log.debug({ err: error }, "The log could not be polled; trying again.");
		}
	}

	#connect(): postgres.Sql {
		const options = {
			...clientOptions(this.address.server),
			max: 1,
			backoff: () => reconnectSeconds,
			idle_timeout: 0,
			max_lifetime: null,
			fetch_types: false,
			connection: { application_name: `${applicationName(this.address)} listen` },
			onnotice() {},
			onclose: () => {
				this.#isListening = false;
			},
			// postgres-js has it, but its types do not.
			onnotify: () => this.#listeners.notify(),
		};
		return postgres(options);
	}
}
