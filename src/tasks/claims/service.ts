import type { Representation } from "../../kernel/canonical.ts";
import { isHeldBy, leaseLost } from "../../kernel/lease.ts";
import { randomBelow } from "../../kernel/random-secret.ts";
import type { SpaceId } from "../../kernel/space.ts";
import type { RunUnit } from "../../kernel/unit-of-work.ts";
import { type Announce, announcing } from "../announcing.ts";
import type { SweepDeferred } from "../commands.ts";
import {
	type Claimed,
	type ClaimNext,
	type ClaimTask,
	claimNext,
	claimTask,
	type HeartbeatClaim,
	heartbeatClaim,
} from "./changes.ts";
import {
	type CompleteClaim,
	completeClaim,
	lapseClaims,
	type ReleaseClaim,
	releaseClaim,
} from "./settling.ts";
import { type ClaimStore, fencesPerEvent } from "./store.ts";

/**
 * The use cases of claims. Each is one transaction with its events. Throws `not_found`, `claimed`, `conflict`, `blocked`,
 * `lease_lost`, `idempotency_mismatch`, `unavailable`.
 */
export interface ClaimService extends ClaimStore {
	/** The first ready task for this holder; undefined if there is none. */
	next(change: Unsalted<ClaimNext>): Promise<Claimed | undefined>;
	claim(change: Unsalted<ClaimTask>): Promise<Claimed>;
	heartbeat(change: HeartbeatClaim): Promise<string>;
	release(change: ReleaseClaim): Promise<Representation>;
	complete(change: CompleteClaim): Promise<Representation>;
	/** Puts back the tasks of at most `limit` claims that have run out; returns of how many. */
	sweep(change: SweepDeferred, limit: number): Promise<number>;
}

type Unsalted<Change> = Omit<Change, "salt">;

function salted<Change extends object>(change: Change): Change & { readonly salt: number } {
	return { ...change, salt: randomBelow(fencesPerEvent) };
}

export function claimService(store: ClaimStore, runUnit: RunUnit, announce?: Announce): ClaimService {
	const run = announcing(runUnit, announce);

	/** A repeat gives the first answer only while that claim lasts. */
	async function requireLasting(space: SpaceId, claimed: Claimed): Promise<Claimed> {
		if (!claimed.replayed) return claimed;
		const claim = await store.find(space, claimed.id);
		if (claim === undefined || !isHeldBy(claim, claimed.fence)) throw leaseLost("task");
		return claimed;
	}

	return {
		...store,
		async next(change) {
			for (;;) {
				const claimed = await run(claimNext(salted(change)));
				if (claimed === undefined) return undefined;
				if (claimed !== "later") return requireLasting(change.context.space, claimed);
			}
		},
		claim: async (change) => requireLasting(change.context.space, await run(claimTask(salted(change)))),
		heartbeat: (change) => runUnit(heartbeatClaim(change)),
		release: (change) => run(releaseClaim(change)),
		complete: (change) => run(completeClaim(change)),
		sweep: (change, limit) => run(lapseClaims(change, limit)),
	};
}
