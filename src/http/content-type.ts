const jsonType = /^application\/(?:json|merge-patch\+json)[ \t]*(?=;|$)/i;

/** One parameter of a media type (RFC 9110 §5.6.6): `;name=value`, `;name="value"`, or nothing behind the semicolon. */
const parameter = /;[ \t]*(?:([^\s;=",]+)[ \t]*(?:=[ \t]*("(?:[^"\\]|\\.)*"|[^\s;",]*)[ \t]*)?)?/gy;

/** Names of UTF-8, and of ASCII, which is a part of it. */
const charsets = new Set(["", "utf-8", "utf8", "us-ascii", "ascii"]);

/**
 * Whether a `Content-Type` declares JSON in UTF-8: `application/json` or `application/merge-patch+json`. Of its
 * parameters only `charset` can say otherwise.
 */
export function declaresJson(contentType: string): boolean {
	const type = jsonType.exec(contentType)?.[0];
	if (type === undefined) return false;
	parameter.lastIndex = type.length;
	while (parameter.lastIndex < contentType.length) {
		const [, name, value = ""] = parameter.exec(contentType) ?? [];
		if (parameter.lastIndex === 0) return false;
		if (name?.toLowerCase() === "charset" && !charsets.has(unquoted(value).toLowerCase())) return false;
	}
	return true;
}

function unquoted(value: string): string {
	return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}
