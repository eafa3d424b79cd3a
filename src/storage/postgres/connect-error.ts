import type { PostgresHost } from "../../kernel/postgres-address.ts";

/** Why no connection came about, before Postgres could answer with an error of its own. */
export type ConnectFault =
	| "CONNECT_TIMEOUT"
	| "CONNECT_CLOSED"
	| "CONNECT_NOT_POSTGRES"
	| "CONNECT_NO_ROUTE"
	| "CONNECT_NO_SOCKET"
	| "CONNECT_SOCKET_DENIED"
	| "CONNECT_TLS_ABSENT"
	| "CONNECT_TLS_EXPIRED"
	| "CONNECT_TLS_FAILED"
	| "CONNECT_TLS_OTHER_HOST"
	| "CONNECT_TLS_UNTRUSTED"
	| "CONNECT_TLS_ROOTS_UNREADABLE"
	| "CONNECT_TLS_CLIENT_UNREADABLE"
	| "CONNECT_STANDBY";

export class ConnectError extends Error {
	override readonly name = "ConnectError";

	constructor(
		readonly code: ConnectFault,
		cause?: unknown,
	) {
		super(code, { cause });
	}
}

/** None of several hosts can be used. */
export class NoHostError extends Error {
	override readonly name = "NoHostError";
	readonly code = "CONNECT_NO_HOST";

	constructor(readonly failures: readonly { readonly host: PostgresHost; readonly error: unknown }[]) {
		super("CONNECT_NO_HOST", { cause: failures.at(-1)?.error });
	}
}
