import { Elysia } from "elysia";
import type { BodyReader } from "../http/body.ts";
import { noBody } from "../http/conditional-get.ts";
import { unauthorized } from "../http/credential.ts";
import { jsonBody } from "../http/validation.ts";
import { canonical } from "../kernel/canonical.ts";
import { validationError } from "../kernel/errors.ts";
import type { SpaceId } from "../kernel/space.ts";
import type { AccessTokenService } from "./access-tokens.ts";
import type { LoginGuards } from "./login-guard.ts";
import type { SpaceNames } from "./store.ts";
import { tokenBody } from "./token-body.ts";
import { addTokenOperation, listTokensOperation, removeTokenOperation } from "./token-operations.ts";
import { NewToken } from "./token-schema.ts";

export interface TokenRouteDeps {
	readonly accessTokens: AccessTokenService;
	readonly spaces: SpaceNames;
	readonly requireJwt: LoginGuards["requireJwt"];
	readonly readBody: BodyReader;
}

const newToken = jsonBody(NewToken);

export function tokenRoutes({ accessTokens, spaces, requireJwt, readBody }: TokenRouteDeps) {
	return new Elysia()
		.post(
			"/auth/tokens",
			async ({ request, set }) => {
				const body = newToken(await readBody(request));
				const { id: userId } = await requireJwt(request);
				const { name, scopes, spaces: names, expires_in_days: expiresInDays } = body.value();
				const ids = names === undefined ? null : await reached(spaces, userId, names);
				const issued = await accessTokens.add({ userId, name, scopes, spaces: ids, expiresInDays });
				// Removed since the guard has looked.
				if (issued === undefined) throw unauthorized();
				set.headers["cache-control"] = "no-store";
				const spaceNames = await spaces.namesOf(ids ?? []);
				return canonical({ ...tokenBody(issued.token, spaceNames), token: issued.text });
			},
			{ detail: addTokenOperation },
		)
		.get(
			"/auth/tokens",
			async ({ request }) => {
				const { id } = await requireJwt(request);
				const tokens = await accessTokens.list(id);
				const spaceNames = await spaces.namesOf([...new Set(tokens.flatMap((token) => token.spaces ?? []))]);
				return canonical({ items: tokens.map((token) => tokenBody(token, spaceNames)), kind: "tokens" });
			},
			{ detail: listTokensOperation },
		)
		.delete(
			"/auth/tokens/:id",
			async ({ request, params, set }) => {
				const user = await requireJwt(request);
				await accessTokens.remove(params.id, user.id);
				return noBody(set, 204);
			},
			{ detail: removeTokenOperation },
		);
}

/** The ids of spaces by their names. Throws `validation_error` with every name that the user does not reach. */
async function reached(
	spaces: SpaceNames,
	userId: string,
	names: readonly string[],
): Promise<readonly SpaceId[]> {
	const ids = await spaces.idsOf(userId, names);
	const faults = ids.flatMap((id, index) =>
		id === undefined ? [{ message: "is no space that you reach", path: `/spaces/${index}` }] : [],
	);
	if (faults.length > 0) throw validationError(faults);
	return ids.filter((id) => id !== undefined);
}
