import canonicalize from "canonicalize";

/** A representation as it goes over the wire: the exact bytes (as text) and their strong ETag. */
export interface Representation {
	readonly body: string;
	/** `"` + SHA-256 in lower-case hex of the body's UTF-8 bytes + `"`. */
	readonly etag: string;
}

/** The canonical JSON text of a value (RFC 8785): keys sorted by UTF-16 code unit, no white space. */
export function canonical(value: unknown): string {
	const text = canonicalize(value);
	if (text === undefined) throw new TypeError("a value without a JSON form");
	return text;
}

/** Lower-case hex of the SHA-256 of a text's UTF-8 bytes. In one call: a hasher made for each text cost 2 µs more. */
export function sha256(text: string): string {
	return Bun.SHA256.hash(text, "hex");
}

/** The representation of an already canonical text. */
export function represent(body: string): Representation {
	return { body, etag: `"${sha256(body)}"` };
}
