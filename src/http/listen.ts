import { StartupError } from "../kernel/errors.ts";
import type { RequestHandler } from "./request-handler.ts";

export interface ListenOptions {
	readonly host: string;
	readonly port: number;
	readonly fetch: RequestHandler["fetch"];
	/** How long a request may take to arrive whole, and its response to begin. */
	readonly requestSecondsMax: number;
}

/** Takes the port. Throws `StartupError` if it cannot. */
export function listen({ host, port, fetch, requestSecondsMax }: ListenOptions): Bun.Server<undefined> {
	try {
		return Bun.serve({
			hostname: host,
			port,
			fetch,
			reusePort: false,
			development: false,
			idleTimeout: requestSecondsMax,
			// Bodies are counted while they are read, so that a body too large gets a response like any other.
			maxRequestBodySize: Number.MAX_SAFE_INTEGER,
		});
	} catch (error) {
		const code = (error as { code?: unknown }).code;
		const reason = code === "EADDRINUSE" ? "the port is in use" : `it cannot be had (${String(code)})`;
		throw new StartupError(`Cannot listen on ${host}:${port}: ${reason}.`, { cause: error });
	}
}
