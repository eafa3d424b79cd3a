import { setPrivate } from "../http/conditional-get.ts";
import { type Credential, invalidCredential, presented, unauthorized } from "../http/credential.ts";
import { contextOf, type RequestContext } from "../http/request-context.ts";
import { isAccessToken } from "../kernel/credentials.ts";
import { AppError } from "../kernel/errors.ts";
import type { AccessTokenService } from "./access-tokens.ts";
import type { ApiKeys } from "./api-keys.ts";
import type { Auth } from "./service.ts";
import type { AccessToken, Caller, TokenCaller, User, UserCaller } from "./store.ts";

/** Whom a credential stands for, as it is now; undefined for one that is not valid. */
export type CallerOf = (credential: Credential) => Promise<Caller | undefined>;

export interface CallerDeps {
	readonly auth: Pick<Auth, "userOf">;
	readonly accessTokens: Pick<AccessTokenService, "find">;
	readonly keys: Pick<ApiKeys, "fingerprint">;
	/** Called with each access token that is used. Does not wait. */
	readonly noteUse: (token: AccessToken) => void;
}

export function callers({ auth, accessTokens, keys, noteUse }: CallerDeps): CallerOf {
	return async ({ kind, text }) => {
		if (isAccessToken(text)) {
			const caller = await accessTokens.find(text);
			if (caller !== undefined) noteUse(caller.token);
			return caller;
		}
		if (kind === "key") {
			const fingerprint = keys.fingerprint(text);
			return fingerprint === undefined ? undefined : { kind, fingerprint };
		}
		const user = await auth.userOf(text);
		return user && { kind: "user", user };
	};
}

/**
 * Says in a request's context whom it acts for: in the log, and as the actor of its changes. The response is for that
 * caller alone.
 */
export function actFor(context: RequestContext, caller: Caller): void {
	setPrivate(context);
	switch (caller.kind) {
		case "user":
			context.principal = caller.user.id;
			context.actor = `user/${caller.user.id}`;
			return;
		case "token":
			context.principal = `token:${caller.token.id}`;
			context.actor = `token/${caller.token.id}`;
			return;
		case "key":
			context.principal = `key:${caller.fingerprint}`;
			context.actor = `key/${caller.fingerprint}`;
	}
}

/** Guards for what belongs to people: an API key of the environment counts for nothing there. */
export interface LoginGuards {
	/**
	 * Who has sent a request with a JWT or an access token. Throws `unauthorized` without one, or for a wrong one in
	 * `Authorization`, and `forbidden` for a wrong access token in `X-API-Key`.
	 */
	readonly requireLogin: (request: Request) => Promise<UserCaller | TokenCaller>;
	/** The user of a JWT. Throws as well `forbidden` for an access token. */
	readonly requireJwt: (request: Request) => Promise<User>;
}

export function loginGuards(callerOf: CallerOf): LoginGuards {
	async function requireLogin(request: Request): Promise<UserCaller | TokenCaller> {
		const credential = presented(request);
		if (credential === undefined) throw unauthorized();
		const caller = await callerOf(credential);
		if (caller === undefined || caller.kind === "key") throw invalidCredential(credential);
		actFor(contextOf(request), caller);
		return caller;
	}

	return {
		requireLogin,
		async requireJwt(request) {
			const caller = await requireLogin(request);
			if (caller.kind === "user") return caller.user;
			throw new AppError("forbidden", "This needs a login: an access token may not do it.");
		},
	};
}
