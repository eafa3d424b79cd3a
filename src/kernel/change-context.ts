import type { InSpace } from "./space.ts";

/**
 * Who makes a change: a user, the holder of an access token or of an API key, or the program itself when a time has come.
 * The characters of an actor need no escape in JSON: an id is a UUID, and a key is named by the start of its SHA-256.
 */
export type Actor = `user/${string}` | `token/${string}` | `key/${string}` | "system";

/** Where a change comes from, and in which space it is made: what every event of it bears. */
export interface ChangeContext extends InSpace {
	readonly actor: Actor;
	/** The request that makes the change. */
	readonly requestId: string;
}
