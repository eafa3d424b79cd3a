import { canonicalArray, canonicalObject } from "../../kernel/canonical.ts";
import type { Actor } from "../../kernel/change-context.ts";
import { timestamp } from "../../kernel/clock.ts";
import type { ClaimPage, ClaimRow } from "./store.ts";

/** The canonical body of a claim, for whoever has taken it. */
export function claimBody({ leaseExpiresAt, fence, holder }: ClaimRow): string {
	return `{"expires_at":${time(leaseExpiresAt)},"fence":${fence},"holder":${JSON.stringify(holder)}}`;
}

/** The answer to a claim. `task`: the task's canonical body. */
export function claimedTaskBody(claim: ClaimRow, task: string): string {
	return `{"claim":${claimBody(claim)},"task":${task}}`;
}

/** A page of claims. `viewer`: who sees it, and so the fences of the claims that he took. */
export function claimListBody(
	{ rows, now }: ClaimPage,
	viewer: Actor | undefined,
	nextCursor: string | undefined,
): string {
	return canonicalObject({
		items: canonicalArray(rows.map((row) => listedClaim(row, viewer))),
		kind: '"claims"',
		next_cursor: nextCursor === undefined ? undefined : JSON.stringify(nextCursor),
		now: time(now),
	});
}

function listedClaim(row: ClaimRow, viewer: Actor | undefined): string {
	return canonicalObject({
		actor: JSON.stringify(row.actor),
		claimed_at: time(row.claimedAt),
		expires_at: time(row.leaseExpiresAt),
		fence: row.actor === viewer ? String(row.fence) : undefined,
		holder: JSON.stringify(row.holder),
		task: `"${row.task}"`,
	});
}

function time(milliseconds: number | null): string {
	return milliseconds === null ? "null" : `"${timestamp(milliseconds)}"`;
}
