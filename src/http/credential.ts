/** What a request bears to say whom it acts for. Nothing says yet that it is valid. */
export interface Credential {
	readonly kind: "key" | "token";
	readonly text: string;
}

/** Where programs are at home an API key comes first, elsewhere the token of a person. */
const keyFirst = /^\/(jobs|events|metrics)(\/|$)/;

/** The one credential that a request acts for, whatever else it bears; undefined where it has none. */
export function credentialOf(headers: Headers, path: string): Credential | undefined {
	return keyFirst.test(path) ? (keyOf(headers) ?? tokenOf(headers)) : (tokenOf(headers) ?? keyOf(headers));
}

function keyOf(headers: Headers): Credential | undefined {
	const text = headers.get("x-api-key");
	return text === null ? undefined : { kind: "key", text };
}

function tokenOf(headers: Headers): Credential | undefined {
	const text = bearerToken(headers);
	return text === undefined ? undefined : { kind: "token", text };
}

/** What follows the scheme, whose case does not matter (RFC 9110 §11.1). Other schemes are a proxy's affair. */
export function bearerToken(headers: Headers): string | undefined {
	const header = headers.get("authorization");
	const scheme = header === null ? undefined : /^Bearer +/i.exec(header)?.[0];
	return scheme && header?.slice(scheme.length);
}
