import postgres from "postgres";
import type { PostgresHost } from "../../kernel/postgres-address.ts";
import { NoHostError } from "./connect-error.ts";

/** How long a host that was found is used without another search. A failover is noticed as late as this. */
const keepMs = 1000;

/**
 * Finds the first of several hosts that can be used. postgres-js 3.4.9 has lists of hosts, but gives up at the first one
 * that does not answer, and tries without a pause or an end if none does.
 */
export class HostSearch {
	#found: { readonly host: PostgresHost; readonly at: number } | undefined;
	#searching: Promise<PostgresHost> | undefined;

	constructor(
		private readonly hosts: readonly PostgresHost[],
		/** Logs in; rejects if the host cannot be used. */
		private readonly logIn: (host: PostgresHost) => Promise<void>,
	) {}

	/** Rejects with a `NoHostError`, or with what a server has answered to the login. */
	find(): Promise<PostgresHost> {
		const { host, at } = this.#found ?? {};
		if (host !== undefined && at !== undefined && performance.now() - at < keepMs)
			return Promise.resolve(host);
		this.#searching ??= this.#search().finally(() => {
			this.#searching = undefined;
		});
		return this.#searching;
	}

	/** The next call of `find` searches again. */
	forget(): void {
		this.#found = undefined;
	}

	async #search(): Promise<PostgresHost> {
		const failures = [];
		for (const host of this.hosts) {
			try {
				await this.logIn(host);
				this.#found = { host, at: performance.now() };
				return host;
			} catch (error) {
				if (isFinal(error)) throw error;
				failures.push({ host, error });
			}
		}
		throw new NoHostError(failures);
	}
}

/** As libpq: where a server refuses the login, the others would too. One that starts up or shuts down (57P03) does not count. */
function isFinal(error: unknown): boolean {
	return error instanceof postgres.PostgresError && error.code !== "57P03";
}
