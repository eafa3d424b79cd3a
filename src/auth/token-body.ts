import { timestamp } from "../kernel/clock.ts";
import type { SpaceId } from "../kernel/space.ts";
import type { AccessToken } from "./store.ts";

/** A token as `GET /auth/me` shows the one that a request bears. `names`: of its spaces that are still there. */
export function callingToken({ id, name, scopes, spaces }: AccessToken, names: ReadonlyMap<SpaceId, string>) {
	const shown = spaces?.flatMap((space) => names.get(space) ?? []).sort() ?? null;
	return { id, name, scopes, spaces: shown };
}

/** A token as its user sees it, without its text. */
export function tokenBody(token: AccessToken, names: ReadonlyMap<SpaceId, string>) {
	const { createdAt, expiresAt, lastUsedAt } = token;
	return {
		...callingToken(token, names),
		created_at: timestamp(createdAt),
		expires_at: timeOrNull(expiresAt),
		last_used_at: timeOrNull(lastUsedAt),
	};
}

function timeOrNull(milliseconds: number | null): string | null {
	return milliseconds === null ? null : timestamp(milliseconds);
}
