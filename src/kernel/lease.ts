import { AppError } from "./errors.ts";

/**
 * A lease on a row, and its fence. Whoever holds the lease shows the fence with each change; a fence is never given twice,
 * so that a holder whose lease has passed on can do no harm. Times are milliseconds on the database's clock.
 */
export interface Lease {
	/** The newest lease's fence: higher with every lease of the row, and never reset. */
	readonly fence: number;
	/** The fence under which the row was last settled: a repeat of that call is answered alike. */
	readonly settledFence: number | null;
	/** Only while leased. */
	readonly leaseSeconds: number | null;
	readonly leaseExpiresAt: number | null;
}

/** No lease on the row now; its fence stays. */
export const noLease = { leaseSeconds: null, leaseExpiresAt: null } as const;

/** A new lease of a row. `fence`: higher than any that the row has had. */
export function grantLease(fence: number, leaseSeconds: number, now: number): Lease {
	return { fence, settledFence: null, ...lasting(leaseSeconds, now) };
}

/** The same lease for longer: from now on by `leaseSeconds`, or by what it was given for. */
export function renewLease(lease: Lease, leaseSeconds: number | undefined, now: number) {
	return lasting(leaseSeconds ?? lease.leaseSeconds ?? 0, now);
}

/** The lease ends by a call of its holder, whose repeat will be known by the fence. */
export function settleLease({ fence }: Lease) {
	return { ...noLease, settledFence: fence };
}

/** Whether the row is still as the call under this fence left it. */
export function isSettledBy({ settledFence }: Lease, fence: number): boolean {
	return settledFence === fence;
}

/**
 * Throws `lease_lost` unless this fence holds the row. It does so beyond the lease's end, until the row has really been
 * given back or leased again.
 */
export function requireLease(lease: Lease, fence: number, what: "job" | "task"): void {
	if (!isHeldBy(lease, fence)) throw leaseLost(what);
}

/** Whether the lease lasts and this is its fence. */
export function isHeldBy({ fence: current, leaseExpiresAt }: Lease, fence: number): boolean {
	return leaseExpiresAt !== null && current === fence;
}

export function leaseLost(what: "job" | "task"): AppError {
	return new AppError("lease_lost", `This fence does not hold the ${what} any more; drop the work.`);
}

export function hasRunOut({ leaseExpiresAt }: Pick<Lease, "leaseExpiresAt">, now: number): boolean {
	return leaseExpiresAt !== null && leaseExpiresAt <= now;
}

function lasting(leaseSeconds: number, now: number) {
	return { leaseSeconds, leaseExpiresAt: now + leaseSeconds * 1000 };
}
