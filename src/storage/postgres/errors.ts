import { TimeoutError, withTimeout } from "../../timeout.ts";
import { unavailable } from "../write-queue.ts";

/** A server that accepts and then is silent makes a query hang for ever (postgres-js 3.4.9). */
export const answerWithinMs = 10_000;

const descriptions: Readonly<Record<string, string>> = {
	"28P01": "the password is wrong",
	"28000": "this user may not log in",
	"3D000": "there is no such database",
	"42501": "this user may not create tables there",
	"53300": "it has too many connections already",
	ECONNREFUSED: "nothing listens there",
	ENOTFOUND: "there is no such host",
	CONNECT_TIMEOUT: "it does not answer",
};

/** A fault at the opening of a database, for a sentence. */
export function describe(error: unknown): string {
	if (error instanceof TimeoutError) return "it does not answer";
	const code = sqlState(error);
	return descriptions[code ?? ""] ?? `it answered with ${code ?? "an error"}`;
}

/** The SQLSTATE, or postgres-js' or the system's own code. A drizzle error hides it in its cause. */
export function sqlState(error: unknown): string | undefined {
	if (!(error instanceof Error)) return undefined;
	const code = (error as { code?: unknown }).code;
	return typeof code === "string" ? code : sqlState(error.cause);
}

/**
 * Faults of the machine, the network or an operator rather than of the request: classes 08 (connection), 53
 * (resources), 57 (operator), 58 (system), a read-only standby, lock and serialization faults, lost sockets.
 */
const passing = /^(08|53|57|58|25006|40|55P03|CONNECT|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)/;

/** What a caller is told of a database's error: `unavailable` where it may pass, else the defect that it is. */
export function toAppError(error: unknown): unknown {
	if (error instanceof TimeoutError || passing.test(sqlState(error) ?? "")) return unavailable(error);
	return error;
}

/** Runs a query; a passing fault of the database, or its silence, is `unavailable`. */
export async function runQuery<T>(query: () => PromiseLike<T>): Promise<T> {
	try {
		return await withTimeout(answerWithinMs, Promise.resolve(query()));
	} catch (error) {
		throw toAppError(error);
	}
}
