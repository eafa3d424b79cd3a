import type { Representation } from "./canonical.ts";
import { AppError } from "./errors.ts";

/** What `If-Match` asks for: nothing, any existing version, or one of these strong tags (quotes included). */
export type Precondition = "absent" | "malformed" | "any" | readonly string[];

/** Throws if the precondition of a change is malformed (400), missing (428) or names another version (412). */
export function requireMatch(wanted: Precondition, { etag }: Representation): void {
	if (wanted === "any") return;
	if (wanted === "malformed") {
		throw new AppError("bad_request", "If-Match must be * alone or a list of entity tags in double quotes.");
	}
	if (wanted === "absent") {
		throw new AppError("precondition_required", "A change needs If-Match with the ETag that was last seen.", {
			etag,
		});
	}
	if (!wanted.includes(etag)) {
		throw new AppError("precondition_failed", "If-Match names another version than the current one.", {
			etag,
		});
	}
}
