import { AppError } from "../../kernel/errors.ts";
import { isHeldBy, leaseLost } from "../../kernel/lease.ts";
import type { ClaimFence } from "../commands.ts";
import { type ClaimRow, lasts } from "./store.ts";

/**
 * Checks the `Claim-Fence` of a change. Throws `bad_request` for one that is none, `forbidden` for `*` of a token, and
 * `lease_lost` for one that is not the fence of a claim that lasts.
 */
export function requireClaimFence(claim: ClaimRow | undefined, wanted: ClaimFence): void {
	if (wanted === "malformed") {
		throw new AppError("bad_request", "Claim-Fence must be * or a fence, which is an integer from 1.");
	}
	if (wanted === "forbidden") {
		throw new AppError(
			"forbidden",
			"Claim-Fence: * needs a login: an access token may not take a task from others.",
		);
	}
	if (typeof wanted === "number" && !(lasts(claim) && isHeldBy(claim, wanted))) throw leaseLost("task");
}

/** Throws `claimed` for a change that needs the fence of the claim, where there is one, and has none. */
export function requireUnclaimed(claim: ClaimRow | undefined, given: ClaimFence): void {
	if (given === "absent" && lasts(claim)) throw claimed();
}

export function claimed(): AppError {
	return new AppError("claimed", "The task is claimed.");
}
