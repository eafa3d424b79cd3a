import type { MaybePromise } from "../kernel/maybe-promise.ts";
import type { EventKind } from "./filter.ts";

/** The credential that a stream was opened with, while somebody watches whether it still holds. */
export interface StreamCredential {
	readonly isEnded: boolean;
	/** Whether it still holds could not be found out: nothing may be sent. */
	readonly isUnconfirmed: boolean;
	/** Ends the watch. */
	release(): void;
}

/** What a request may see of the log. */
export interface EventAccess {
	readonly visible: readonly EventKind[];
	/** Without its credential the request would see nothing. */
	readonly isPrivate: boolean;
	/** For a stream: begins to watch the credential. Absent: it cannot end while the process runs. */
	readonly watch?: () => StreamCredential;
}

export interface EventAccessDeps {
	/** Whether the request has a key; throws `forbidden` if it is not valid. */
	readonly hasKey: (request: Request) => boolean;
	/**
	 * Throws `unauthorized` unless the request has a user's token; returns what watches that. Absent: everybody may see the
	 * events of tasks.
	 */
	readonly requireReader: ((request: Request) => Promise<() => StreamCredential>) | undefined;
}

/**
 * What a request may see; throws `unauthorized` or `forbidden`. A request acts for its key if it has one. Where reads want
 * a login, a key is for jobs, and a token for tasks.
 */
export function eventAccess({ hasKey, requireReader }: EventAccessDeps) {
	return (request: Request): MaybePromise<EventAccess> => {
		if (requireReader === undefined) {
			return { visible: hasKey(request) ? ["task", "job"] : ["task"], isPrivate: false };
		}
		if (hasKey(request)) return { visible: ["job"], isPrivate: true };
		return requireReader(request).then((watch) => ({ visible: ["task"], isPrivate: true, watch }));
	};
}
