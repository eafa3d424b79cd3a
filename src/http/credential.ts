import { isAccessToken } from "../kernel/credentials.ts";
import { AppError } from "../kernel/errors.ts";
import { contextOf } from "./request-context.ts";

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

/** Where people are at home, an `X-API-Key` that is no access token is not looked at. */
const ignoresKeys = /^\/(collab|auth|spaces)(\/|$)/;

/** The credential that a request presents to its route; undefined for none. */
export function presented(request: Request): Credential | undefined {
	const { path } = contextOf(request);
	const credential = credentialOf(request.headers, path);
	const isIgnored = credential?.kind === "key" && ignoresKeys.test(path) && !isAccessToken(credential.text);
	return isIgnored ? undefined : credential;
}

/** For a request without a credential, or with a wrong one in `Authorization`. */
export function unauthorized(): AppError {
	return new AppError("unauthorized", "This needs a valid Bearer token; get one at /auth/login.", {
		challenge: "Bearer",
	});
}

/** For a credential that is not valid. */
export function invalidCredential({ kind }: Credential): AppError {
	return kind === "key"
		? new AppError("forbidden", "This X-API-Key is not a valid one of this server.")
		: unauthorized();
}
