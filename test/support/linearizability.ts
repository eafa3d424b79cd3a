/** What a client saw of one call: when it was sent, when it was answered, and what it was. */
export interface Seen<Call> {
	readonly from: number;
	readonly to: number;
	readonly call: Call;
}

/** A sequential specification. */
export interface Sequential<State, Call> {
	readonly initial: State;
	/** The state after a call that had this answer; undefined if the call cannot have it in that state. */
	after(state: State, call: Call): State | undefined;
}

/**
 * Whether there is an order of the calls which the specification allows, and in which each stands between its sending and
 * its answer (Herlihy and Wing, 1990). Looks at every state once for each set of calls that may lead to it.
 */
export function isLinearizable<State, Call>(
	history: readonly Seen<Call>[],
	{ initial, after }: Sequential<State, Call>,
): boolean {
	const calls = history.toSorted((a, b) => a.from - b.from);
	const visited = new Set<string>();
	const pending: { readonly done: bigint; readonly state: State }[] = [{ done: 0n, state: initial }];
	const all = (1n << BigInt(calls.length)) - 1n;
	for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
		const { done, state } = next;
		if (done === all) return true;
		const key = `${done.toString(36)} ${JSON.stringify(state)}`;
		if (visited.has(key)) continue;
		visited.add(key);
		for (const index of candidates(calls, done)) {
			const call = calls[index]?.call;
			const reached = call === undefined ? undefined : after(state, call);
			if (reached !== undefined) pending.push({ done: done | (1n << BigInt(index)), state: reached });
		}
	}
	return false;
}

/** The calls that may come next: those that were sent before any other one that is left was answered. */
function candidates<Call>(calls: readonly Seen<Call>[], done: bigint): readonly number[] {
	const left = calls.flatMap((_, index) => ((done & (1n << BigInt(index))) === 0n ? [index] : []));
	const firstAnswer = Math.min(...left.map((index) => calls[index]?.to ?? Number.POSITIVE_INFINITY));
	return left.filter((index) => (calls[index]?.from ?? 0) <= firstAnswer);
}
