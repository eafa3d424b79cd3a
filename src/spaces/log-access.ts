import { presented, unauthorized } from "../http/credential.ts";
import { contextOf } from "../http/request-context.ts";
import { AppError } from "../kernel/errors.ts";
import { defaultSpace, type SpaceId } from "../kernel/space.ts";
import type { Access, Admission } from "./access.ts";
import type { AccessWatch, Watched } from "./access-watch.ts";
import { noSuchSpace } from "./service.ts";

/** What a request may see of the log of its space. */
export interface LogAccess {
	readonly space: SpaceId;
	/** The log's newest number when the space was made: what comes before is not of this space. */
	readonly since: number;
	readonly tasks: boolean;
	readonly jobs: boolean;
	/** Without its credential the request would see less. */
	readonly isPrivate: boolean;
	/** For a stream that shows so much: begins to watch the access. Absent: it cannot end while the process runs. */
	readonly watch?: (shown: Sight) => Watched;
}

type Sight = Pick<LogAccess, "tasks" | "jobs">;

/**
 * What a request may see. Throws `unauthorized`, `forbidden`, `not_found`. A valid credential never shows less than none:
 * where reads are open, one that does not reach the space sees what everybody sees.
 */
export function logAccess(access: Access, watch: AccessWatch) {
	return async (request: Request): Promise<LogAccess> => {
		const context = contextOf(request);
		const isOpen = access.isOpenTo(context);
		const credential = presented(request);
		if (credential === undefined) {
			if (isOpen) return { space: defaultSpace, since: 0, tasks: true, jobs: false, isPrivate: false };
			throw unauthorized();
		}
		const admission = await access.admit(credential, context);
		if (admission === undefined && !isOpen) throw noSuchSpace();
		const { tasks, jobs } = sightOf(admission, isOpen);
		if (!tasks && !jobs) throw new AppError("forbidden", "This credential may see no events of this space.");
		const seen = {
			...{ space: admission?.space ?? defaultSpace, since: admission?.row?.rev ?? 0 },
			...{ tasks, jobs, isPrivate: !isOpen || jobs },
		};
		if (admission?.caller.kind === "key") return seen;
		const holds = async (shown: Sight) => {
			const now = await access.readmit(credential, context.spaceName);
			if (now === "invalid" || now?.space !== admission?.space) return false;
			const sight = sightOf(now, isOpen);
			return sight.tasks >= shown.tasks && sight.jobs >= shown.jobs;
		};
		const keyOf = (shown: Sight) => [credential.text, seen.space, shown.tasks, shown.jobs].join(" ");
		return {
			...seen,
			watch: (shown) => watch.watch({ key: keyOf(shown), holds: () => holds(shown) }),
		};
	};
}

function sightOf(admission: Admission | undefined, isOpen: boolean): Sight {
	return {
		tasks: isOpen || (admission?.rights.has("read") ?? false),
		jobs: admission?.rights.has("jobs") ?? false,
	};
}
