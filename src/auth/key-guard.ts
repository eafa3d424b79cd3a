import { contextOf } from "../http/request-context.ts";
import { AppError } from "../kernel/errors.ts";
import type { ApiKeys } from "./api-keys.ts";

/** The fingerprint of a request's API key. Throws `unauthorized` where there is none, `forbidden` where it is wrong. */
export function keyGuard(keys: ApiKeys): (request: Request) => string {
	return (request) => {
		const key = request.headers.get("x-api-key");
		if (key === null) throw new AppError("unauthorized", "This needs an API key in the header X-API-Key.");
		const fingerprint = keys.fingerprint(key);
		if (fingerprint === undefined) {
			throw new AppError("forbidden", "This X-API-Key is not one of this server's.");
		}
		const context = contextOf(request);
		context.principal = `key:${fingerprint}`;
		context.actor = `key/${fingerprint}`;
		return fingerprint;
	};
}
