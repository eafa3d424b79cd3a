import { type AnyElysia, Elysia } from "elysia";
import type { BodyReader } from "../http/body.ts";
import type { Clock } from "../kernel/clock.ts";
import type { NewId } from "../kernel/ids.ts";
import type { Log } from "../kernel/log.ts";
import { randomSecret } from "../kernel/random-secret.ts";
import type { RunUnit } from "../kernel/unit-of-work.ts";
import { type AccessTokenTexts, accessTokenTexts } from "./access-token-text.ts";
import { accessTokenService } from "./access-tokens.ts";
import { actorRoutes } from "./actor-routes.ts";
import { actorService } from "./actors.ts";
import type { ApiKeys } from "./api-keys.ts";
import { type CallerOf, callers, type LoginGuards, loginGuards } from "./login-guard.ts";
import type { Auth } from "./service.ts";
import type { AccessTokenStore, FormerActorStore, SpaceNames, UserStore } from "./store.ts";
import { tokenRoutes } from "./token-routes.ts";
import { TokenUses } from "./token-uses.ts";

interface AccessTokenStorage {
	readonly accessTokens: AccessTokenStore;
	readonly formerActors: FormerActorStore;
	readonly users: UserStore;
	readonly run: RunUnit;
	readonly settings: { getOrMake(name: string, make: () => string): Promise<string> };
}

/** The texts of an installation's tokens, with the secret that its database keeps. */
export async function textsOf({ settings }: Pick<AccessTokenStorage, "settings">): Promise<AccessTokenTexts> {
	return accessTokenTexts(await settings.getOrMake("token_secret", randomSecret));
}

export interface AccessTokenPartsDeps {
	readonly storage: AccessTokenStorage;
	readonly clock: Clock;
	readonly newId: NewId;
	readonly log: Log;
	readonly auth: Pick<Auth, "userOf">;
	readonly keys: ApiKeys;
	readonly spaces: SpaceNames;
}

/** What belongs to access tokens, and to the names of those who act. */
export interface AccessTokenParts {
	readonly texts: AccessTokenTexts;
	readonly uses: TokenUses;
	readonly callerOf: CallerOf;
	readonly guards: LoginGuards;
	routes(readBody: BodyReader): AnyElysia;
}

export async function accessTokenParts(deps: AccessTokenPartsDeps): Promise<AccessTokenParts> {
	const { storage, clock, newId, log, auth, keys, spaces } = deps;
	const { run, users, accessTokens: store, formerActors: former } = storage;
	const texts = await textsOf(storage);
	const accessTokens = accessTokenService({ store, run, texts, clock, newId });
	const actors = actorService({ users, tokens: store, former, isKey: (key) => keys.has(key) });
	const uses = new TokenUses({ run, clock, log });
	const callerOf = callers({ auth, accessTokens, keys, noteUse: (token) => uses.note(token) });
	const guards = loginGuards(callerOf);
	return {
		texts,
		uses,
		callerOf,
		guards,
		routes: (readBody) =>
			new Elysia()
				.use(tokenRoutes({ accessTokens, spaces, requireJwt: guards.requireJwt, readBody }))
				.use(actorRoutes({ actors, requireLogin: guards.requireLogin })),
	};
}
