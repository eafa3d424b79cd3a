import type { ChangeContext } from "../../kernel/change-context.ts";
import { AppError, type Fault } from "../../kernel/errors.ts";
import { type IdempotentRequest, idempotencyReads, once, onceIfAny } from "../../kernel/idempotency.ts";
import { grantLease, noLease, renewLease, requireLease } from "../../kernel/lease.ts";
import type { Unit, UnitOfWork } from "../../kernel/unit-of-work.ts";
import { type Made, requireTask, writeChange } from "../changes.ts";
import { tasks } from "../collection.ts";
import { withStatus } from "../fields.ts";
import { type ClaimWish, isFinished, type TaskRow } from "../store.ts";
import { claimed } from "./fence.ts";
import { claimBody, claimedTaskBody } from "./representation.ts";
import { type ClaimRow, claims, fenceOf, lasts } from "./store.ts";

interface TakeTask extends Made {
	readonly holder: string;
	readonly leaseSeconds: number;
	readonly idempotent: IdempotentRequest | undefined;
	/** Of its fence: random, from 0, below `fencesPerEvent`. */
	readonly salt: number;
}

export interface ClaimNext extends TakeTask {
	/** Absent: whatever its labels. */
	readonly label: string | undefined;
	/** Whether nobody waits for the answer any more. */
	readonly isGone: () => boolean;
}

export interface ClaimTask extends TakeTask {
	readonly id: string;
}

/** A claim, as the answer to it shows it. */
export interface Claimed {
	readonly id: string;
	readonly fence: number;
	readonly body: string;
	/** Of the task. */
	readonly etag: string;
	readonly replayed: boolean;
}

/** Undefined: no task is ready for it. `later`: only another try can tell. */
export function claimNext(change: ClaimNext): Unit<Claimed | "later" | undefined> {
	const { holder, label, idempotent, context, isGone } = change;
	const wish: ClaimWish = { space: context.space, holder, label };
	return {
		space: context.space,
		reads: [tasks.reads({ next: wish }), claims.reads({ takesNext: true }), ...idempotencyReads(idempotent)],
		decide(work) {
			if (isGone()) return undefined;
			let isLater = false;
			const outcome = onceIfAny(work, idempotent, () => {
				const found = work.rows(tasks).next(wish);
				isLater = found === "later";
				return found === undefined || found === "later" ? undefined : take(work, found, change);
			});
			return isLater ? "later" : outcome;
		},
	};
}

export function claimTask(change: ClaimTask): Unit<Claimed> {
	const { id, idempotent, context } = change;
	return {
		space: context.space,
		reads: [
			tasks.reads({ ids: [id], blockers: [id] }),
			claims.reads({ tasks: [id] }),
			...idempotencyReads(idempotent),
		],
		decide(work) {
			const task = requireTask(work.rows(tasks).find(id));
			return once(work, idempotent, () => {
				requireClaimable(work, task);
				return take(work, task, change);
			});
		},
	};
}

function requireClaimable(work: UnitOfWork, task: TaskRow): void {
	if (lasts(work.rows(claims).find(task.id))) throw claimed();
	if (task.status !== "open" && task.status !== "in_progress") {
		throw new AppError(
			"conflict",
			`Only an open task can be claimed, or one that is in progress; this one is ${task.status}.`,
		);
	}
	if (task.openBlockers === 0) return;
	const faults = work
		.rows(tasks)
		.blockers(task)
		.flatMap((blocker, index): readonly Fault[] => {
			if (blocker === undefined || isFinished(blocker)) return [];
			return [{ message: "is not finished", path: `/blocked_by/${index}` }];
		});
	throw new AppError("blocked", "Tasks that come first are not finished; see details.", { faults });
}

function take(work: UnitOfWork, task: TaskRow, change: TakeTask): Omit<Claimed, "replayed"> {
	const { holder, leaseSeconds, salt, context, now } = change;
	const { id, space } = task;
	const claimedAt = work.now();
	const status = withStatus(task, { status: "in_progress" }, now);
	const next = { ...task, ...status, claimedBy: holder };
	const expiresAt = claimedAt + leaseSeconds * 1000;
	const { task: after, seq } = writeChange(work, task, next, change, { type: "task.claimed", expiresAt });
	const lease = grantLease(fenceOf(seq, salt), leaseSeconds, claimedAt);
	const claim: ClaimRow = {
		task: id,
		space,
		...lease,
		holder,
		actor: context.actor,
		claimedAt,
		settledBy: null,
	};
	work.rows(claims).put(claim);
	return { id, fence: claim.fence, body: claimedTaskBody(claim, after.body), etag: after.etag };
}

export interface HeartbeatClaim {
	readonly context: ChangeContext;
	readonly id: string;
	readonly fence: number;
	/** Absent: as long as the claim was asked for. */
	readonly leaseSeconds: number | undefined;
}

/** Appends no event and changes no task. Returns the claim's canonical body. */
export function heartbeatClaim({ id, fence, leaseSeconds, context }: HeartbeatClaim): Unit<string> {
	return {
		space: context.space,
		reads: [tasks.reads({ ids: [id] }), claims.reads({ tasks: [id] })],
		decide(work) {
			requireTask(work.rows(tasks).find(id));
			const claim = requireClaim(work, id, fence);
			const renewed = { ...claim, ...renewLease(claim, leaseSeconds, work.now()) };
			work.rows(claims).put(renewed);
			return claimBody(renewed);
		},
	};
}

/** The claim, if this is its fence. */
export function requireClaim(work: UnitOfWork, id: string, fence: number): ClaimRow {
	const claim = work.rows(claims).find(id);
	requireLease(claim ?? { fence: 0, settledFence: null, ...noLease }, fence, "task");
	if (claim === undefined) throw new Error("a claim that holds is there");
	return claim;
}

/** It ends otherwise than by its holder's call. */
export function endClaim(work: UnitOfWork, claim: ClaimRow): void {
	work.rows(claims).put({ ...claim, ...noLease, settledFence: null, settledBy: null });
}
