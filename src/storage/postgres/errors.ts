import { TimeoutError } from "../../kernel/timeout.ts";
import { unavailable } from "../write-queue.ts";

/** If a server accepts a connection and never answers, a query hangs for ever (postgres-js 3.4.9). */
export const answerWithinMs = 10_000;

/** The SQLSTATE, or the code of postgres-js or the system. A drizzle error has it in its cause. */
export function sqlState(error: unknown): string | undefined {
	if (!(error instanceof Error)) return undefined;
	const code = (error as { code?: unknown }).code;
	return typeof code === "string" ? code : sqlState(error.cause);
}

/**
 * Errors that the machine, the network or an operator causes and not the request: classes 08 (connection), 28 and 3D (the
 * user may not log in, the database is gone), 3F, 42501 and 42P01 (schema, rights or tables are gone), 40 (serialization),
 * 53 (resources), 55P03 (locks), 57 (operator), 58 and XX (system, damaged data), a server that only reads; and whatever
 * is no SQLSTATE but the code of a socket, of TLS or of a connection that postgres-js lost.
 */
const unavailableStates = /^(08|28|3D|3F|40|53|57|58|XX|25006|42501|42P01|55P03)/;
const lostConnections = /^(CONNECT|SASL|E[A-Z_]+$)|CERT|SSL|TLS/;

/** What Postgres answers to a write that it does not take, for what finds that out by a query. */
export function readOnly(message: string): Error {
	return Object.assign(new Error(message), { code: "25006" });
}

/** The error that a caller gets for a database error: `unavailable` unless a request or a defect is the cause. */
export function toAppError(error: unknown): unknown {
	if (error instanceof TimeoutError) return unavailable(error);
	const code = sqlState(error) ?? "";
	// Every SQLSTATE has a digit; EPIPE is five letters too.
	const isState = /^(?=.*\d)[0-9A-Z]{5}$/.test(code);
	return (isState ? unavailableStates : lostConnections).test(code) ? unavailable(error) : error;
}
