import { AppError } from "../kernel/errors.ts";
import type { Log } from "../kernel/log.ts";
import { errorBody, errorHeaders, statusOf } from "./envelope.ts";
import type { RequestContext } from "./request-context.ts";

/** Stands for any thrown value that is not an `AppError`. The client learns nothing of the cause; the log has it. */
const defect = new AppError("internal", "Something went wrong here; the log has it under this request id.");

/** The response to a request that failed with `thrown`. The log has the cause of every status from 500 up. */
export function errorResponse(thrown: unknown, { requestId, headers }: RequestContext, log: Log): Response {
	const error = thrown instanceof AppError ? thrown : defect;
	const status = statusOf[error.code];
	// Said on purpose, to the few who come while the server starts, stops or is full: nothing that the log must explain.
	const isExpected = error.code === "unavailable" && error.details.cause === undefined;
	if (status >= 500 && !isExpected) {
		log.error({ request_id: requestId, err: error.details.cause ?? thrown }, error.message);
	}
	const all = { ...headers, ...errorHeaders(error) } as Record<string, string>;
	return new Response(errorBody(error, requestId), { status, headers: all });
}
