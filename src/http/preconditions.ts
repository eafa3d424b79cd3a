import type { Precondition } from "../kernel/precondition.ts";

const entityTag = /^(W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/**
 * Reads `If-Match` (RFC 9110 §13.1.1). Weak tags stay out, since the comparison is strong: a list of weak tags alone
 * is an empty list, which nothing matches. A malformed header is judged by `requireMatch`, after existence.
 */
export function readIfMatch(headers: Headers): Precondition {
	const header = headers.get("if-match");
	if (header === null) return "absent";
	const tags = splitTags(header);
	if (tags.length === 1 && tags[0] === "*") return "any";
	if (tags.length === 0 || !tags.every((tag) => entityTag.test(tag))) return "malformed";
	return tags.filter((tag) => !tag.startsWith("W/"));
}

/** Whether `If-None-Match` says that the client has this version already (weak comparison, RFC 9110 §13.1.2). */
export function isKnown(headers: Headers, etag: string): boolean {
	const header = headers.get("if-none-match");
	if (header === null) return false;
	if (header === etag || header.trim() === "*") return true;
	return splitTags(header).some((tag) => tag === etag || tag === `W/${etag}`);
}

/** Splits a list of tags at the commas outside quotes. */
function splitTags(header: string): readonly string[] {
	return (header.match(/(?:"[^"]*"|[^",])+/g) ?? []).map((tag) => tag.trim()).filter((tag) => tag !== "");
}
