import { bearerToken } from "../http/credential.ts";
import type { TokenWatch, WatchedToken } from "./token-watch.ts";
import type { Tokens } from "./tokens.ts";
import type { UserGuard } from "./user-guard.ts";

export interface StreamGuardDeps {
	readonly requireUser: UserGuard;
	readonly tokens: Pick<Tokens, "verify">;
	readonly watch: TokenWatch;
}

/** Lets a request through that has a user's token, and returns what watches that token. Throws `unauthorized`. */
export function streamGuard({ requireUser, tokens, watch }: StreamGuardDeps) {
	return async (request: Request): Promise<() => WatchedToken> => {
		const user = await requireUser(request);
		const identity = await tokens.verify(bearerToken(request.headers) ?? "");
		// Absent where the token expired between the two: it is watched as one that has ended.
		return () => watch.watch(identity ?? { userId: user.id, tokenGeneration: 0, expiresAtMs: 0 });
	};
}
