import { Refusal } from "../errors.ts";
import { type Log, loggable } from "../log.ts";
import type { Call } from "./call.ts";
import { errorBody, errorHeaders, statusOf } from "./envelope.ts";

/** What is answered for a thrown value that is no refusal: nothing of the cause, which only the log gets. */
const defect = new Refusal("internal", "Something went wrong here; the log has it under this request id.");

/** The answer to a request that failed with `error`. The log has the cause of every status from 500 up. */
export function refused(error: unknown, { requestId, headers }: Call, log: Log): Response {
	const refusal = error instanceof Refusal ? error : defect;
	const status = statusOf[refusal.code];
	if (status >= 500) {
		log.error({ request_id: requestId, err: loggable(refusal.facts.cause ?? error) }, refusal.message);
	}
	const all = { ...headers, ...errorHeaders(refusal) } as Record<string, string>;
	return new Response(errorBody(refusal, requestId), { status, headers: all });
}
