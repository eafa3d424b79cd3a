import { canonical } from "../kernel/canonical.ts";
import { AppError, validationError } from "../kernel/errors.ts";
import type { NewJob } from "./schema.ts";
import type { JobDraft } from "./store.ts";

/** The limit of a payload, and of a result. */
const jsonBytesMax = 256 * 1024;

/** The last moment that RFC 3339 can write. */
const timeMax = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** A job as requested, with its defaults. `path`: its place in the body. Throws `payload_too_large`. */
export function draftOf(job: NewJob, path = ""): JobDraft {
	const { kind, payload = null, queue = "default", priority = 0, run_at, max_attempts = 5, unique_key } = job;
	return {
		kind,
		payload: boundedJson(payload, `${path}/payload`),
		queue,
		priority,
		runAt: run_at === undefined ? undefined : moment(run_at, `${path}/run_at`),
		maxAttempts: max_attempts,
		uniqueKey: unique_key,
	};
}

/** The canonical text of a JSON value. */
export function boundedJson(value: unknown, path: string): string {
	const text = canonical(value);
	if (Buffer.byteLength(text) <= jsonBytesMax) return text;
	const message = `The JSON is larger than ${jsonBytesMax} bytes in canonical form.`;
	throw new AppError("payload_too_large", message, { faults: [{ message: "is too large", path }] });
}

function moment(text: string, path: string): number {
	const time = Date.parse(text);
	if (time >= 0 && time <= timeMax) return time;
	throw validationError([{ message: "must be a time from 1970 to 9999", path }]);
}
