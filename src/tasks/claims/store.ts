import type { Actor } from "../../kernel/change-context.ts";
import { hasRunOut, type Lease } from "../../kernel/lease.ts";
import { type InSpace, inSpace, isWithin, type SpaceId } from "../../kernel/space.ts";
import { Collection, requireNamed } from "../../kernel/unit-of-work.ts";

/** By which call of its holder a claim ended. */
export type SettledBy = "release" | "complete";

/** How many fences there are for each number of the log. A double holds them all while those numbers are below 2^50. */
export const fencesPerEvent = 8;

/**
 * The fence of a claim whose event has this number: so fences rise with every claim, over new epochs too, and need no
 * memory of earlier claims. Everybody can see the number, so it is not the fence. `salt`: from 0, below `fencesPerEvent`.
 */
export function fenceOf(seq: number, salt: number): number {
	return seq * fencesPerEvent + salt;
}

/** The newest claim of a task, also after its end. Times are milliseconds on the database's clock. */
export interface ClaimRow extends Lease, InSpace {
	readonly task: string;
	readonly holder: string;
	/** Who took it: the credential that may see its fence. */
	readonly actor: Actor;
	readonly claimedAt: number;
	/** What `settledFence` was settled by. */
	readonly settledBy: SettledBy | null;
}

/** The result of the last completion that had one. */
export interface TaskResultRow extends InSpace {
	readonly task: string;
	/** Canonical JSON. */
	readonly result: string;
}

/** Which claims a unit reads. */
export interface ClaimReadSet {
	/** By the ids of their tasks. */
	readonly tasks?: readonly string[];
	/** Whether it claims a task that it finds by its place among the ready ones. */
	readonly takesNext?: boolean;
	/** At most so many that have run out. */
	readonly lapsed?: number;
}

export interface ClaimRows {
	find(task: string): ClaimRow | undefined;
	/** In place of the claim of the same task, if there is one. */
	put(row: ClaimRow): void;
	putResult(row: TaskResultRow): void;
	/** With a task: its claim and its result. */
	remove(task: string): void;
	/** Claims that last and have run out, oldest end first. */
	lapsed(limit: number, now: number): readonly ClaimRow[];
}

export const claims = new Collection<ClaimReadSet, ClaimRows>({
	name: "claims",
	nothing: {},
	narrow(rows, { tasks = [], takesNext = false, lapsed = -1 }, space) {
		const requireTask = (task: string) => requireNamed(tasks.includes(task), "a claim");
		const requireWithin = (row: InSpace) => requireNamed(isWithin(space, row), "a claim of another space");
		return {
			find(task) {
				requireTask(task);
				return inSpace(space, rows.find(task));
			},
			put(row) {
				if (!takesNext && lapsed < 0) requireTask(row.task);
				requireWithin(row);
				rows.put(row);
			},
			putResult(row) {
				requireTask(row.task);
				requireWithin(row);
				rows.putResult(row);
			},
			remove(task) {
				requireTask(task);
				rows.remove(task);
			},
			lapsed(limit, now) {
				requireNamed(lapsed >= limit, "claims that have run out");
				return rows.lapsed(limit, now).filter((row) => isWithin(space, row));
			},
		};
	},
});

/** Whether it has neither been settled nor put back nor ended with its task. */
export function lasts(claim: ClaimRow | undefined): claim is ClaimRow {
	return claim !== undefined && claim.leaseExpiresAt !== null;
}

/** For storage: claims that have run out, oldest end first. */
export function firstLapsed(rows: Iterable<ClaimRow>, limit: number, now: number): readonly ClaimRow[] {
	const lapsed = [...rows].filter((row) => hasRunOut(row, now));
	lapsed.sort((a, b) => (a.leaseExpiresAt ?? 0) - (b.leaseExpiresAt ?? 0) || (a.task < b.task ? -1 : 1));
	return lapsed.slice(0, limit);
}

export interface ClaimPageQuery extends InSpace {
	readonly holder: string | undefined;
	readonly task: string | undefined;
	/** Only those that this actor took. */
	readonly actor: Actor | undefined;
	readonly limit: number;
	/** The last claim already seen. */
	readonly after: ClaimPlace | undefined;
}

/** The place of a claim among those that last. */
export type ClaimPlace = Pick<ClaimRow, "fence" | "task">;

export interface ClaimPage {
	readonly rows: readonly ClaimRow[];
	/** Whether there are rows after the last one. */
	readonly more: boolean;
	/** The database's clock. */
	readonly now: number;
}

/** Claims in a database. Throws `unavailable`. */
export interface ClaimStore {
	find(space: SpaceId, task: string): Promise<ClaimRow | undefined>;
	/** Those that last, in the order of their fences. */
	list(query: ClaimPageQuery): Promise<ClaimPage>;
	/** The result of a task: canonical JSON. */
	result(space: SpaceId, task: string): Promise<string | undefined>;
	/** Milliseconds until a claim runs out; 0 or less if one has; undefined if none will. */
	dueInMs(): Promise<number | undefined>;
}
