import { TimeoutError, withTimeout } from "../../timeout.ts";
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
 * Transient errors, caused by the machine, the network or an operator and not by the request: classes 08 (connection), 53
 * (resources), 57 (operator), 58 (system), a read-only standby, lock and serialization failures, lost sockets.
 */
const transient = /^(08|53|57|58|25006|40|55P03|CONNECT|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)/;

/** The error that a caller gets for a database error: `unavailable` if it is transient, else the error itself. */
export function toAppError(error: unknown): unknown {
	if (error instanceof TimeoutError || transient.test(sqlState(error) ?? "")) return unavailable(error);
	return error;
}

/** Runs a query; throws `unavailable` on a transient error or a timeout. */
export async function runQuery<T>(query: () => PromiseLike<T>): Promise<T> {
	try {
		return await withTimeout(answerWithinMs, Promise.resolve(query()));
	} catch (error) {
		throw toAppError(error);
	}
}
