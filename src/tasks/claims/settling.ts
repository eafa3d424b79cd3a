import { canonical, type Representation, represent } from "../../kernel/canonical.ts";
import type { ReleaseReason } from "../../kernel/event-draft.ts";
import { isSettledBy, settleLease } from "../../kernel/lease.ts";
import type { Unit, UnitOfWork } from "../../kernel/unit-of-work.ts";
import { type Made, requireTask, writeChange } from "../changes.ts";
import { tasks } from "../collection.ts";
import { withStatus } from "../fields.ts";
import { taskBody } from "../representation.ts";
import type { TaskRow, TaskStatus } from "../store.ts";
import { endClaim, requireClaim } from "./changes.ts";
import { type ClaimRow, claims, type SettledBy } from "./store.ts";

interface SettleClaim extends Made {
	readonly id: string;
	readonly fence: number;
	readonly note: string | undefined;
}

export interface ReleaseClaim extends SettleClaim {
	readonly status: "open" | "waiting";
}

export interface CompleteClaim extends SettleClaim {
	/** Canonical JSON. */
	readonly result: string | undefined;
}

export function releaseClaim(change: ReleaseClaim): Unit<Representation> {
	const { id, status, context } = change;
	return {
		space: context.space,
		reads: [tasks.reads({ ids: [id] }), claims.reads({ tasks: [id] })],
		decide: (work) =>
			settle(work, change, "release", (task, claim) => {
				const next = givenBack(task, status, noteOf(claim, change.note), change.now);
				return writeChange(work, task, next, change, released("released")).task;
			}),
	};
}

/** A thousand tasks may wait for it, though hardly any do. */
const weightOfCompleting = 4;

export function completeClaim(change: CompleteClaim): Unit<Representation> {
	const { id, result, context } = change;
	const { space } = context;
	return {
		space,
		reads: [tasks.reads({ ids: [id], waitingFor: [id] }), claims.reads({ tasks: [id] })],
		weight: weightOfCompleting,
		textLength: result?.length ?? 0,
		decide: (work) =>
			settle(work, change, "complete", (task, claim) => {
				const next = givenBack(task, "done", noteOf(claim, change.note), change.now);
				if (result !== undefined) work.rows(claims).putResult({ task: id, space, result });
				return writeChange(work, task, next, change, { type: "task.completed" }).task;
			}),
	};
}

/** `end` changes the task. A repeat of a call that counted changes nothing, until the next claim. */
function settle(
	work: UnitOfWork,
	{ id, fence }: SettleClaim,
	settledBy: SettledBy,
	end: (task: TaskRow, claim: ClaimRow) => Representation,
): Representation {
	const task = requireTask(work.rows(tasks).find(id));
	const last = work.rows(claims).find(id);
	if (last !== undefined && isSettledBy(last, fence) && last.settledBy === settledBy) {
		return represent(taskBody(task));
	}
	const claim = requireClaim(work, id, fence);
	const after = end(task, claim);
	work.rows(claims).put({ ...claim, ...settleLease(claim), settledBy });
	return after;
}

/** Puts the tasks of claims that have run out back, by the database's clock and in all spaces. Returns how many. */
export function lapseClaims(
	made: Omit<Made, "context"> & { readonly context: Omit<Made["context"], "space"> },
	limit: number,
): Unit<number> {
	return {
		space: "every",
		reads: [tasks.reads({ lapsed: limit }), claims.reads({ lapsed: limit })],
		weight: limit,
		decide(work) {
			const lapsed = work.rows(claims).lapsed(limit, work.now());
			const { now } = made;
			for (const claim of lapsed) {
				const task = work.rows(tasks).find(claim.task);
				const context = { ...made.context, space: claim.space };
				// Of a deleted space the task may be removed first.
				if (task !== undefined) {
					const next = givenBack(task, "open", null, now);
					writeChange(work, task, next, { context, now }, released("expired"));
				}
				endClaim(work, claim);
			}
			return lapsed.length;
		},
	};
}

function givenBack(task: TaskRow, status: TaskStatus, note: string | null, now: number): TaskRow {
	return { ...task, ...withStatus(task, { status, note }, now), claimedBy: null };
}

/** A note is by the holder where a fence was given. */
export function noteOf({ holder }: ClaimRow, text: string | undefined): string | null {
	return text === undefined ? null : canonical({ by: holder, text });
}

function released(reason: ReleaseReason) {
	return { type: "task.released", reason } as const;
}
