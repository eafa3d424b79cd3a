import type { Sequential } from "./linearizability.ts";

/** A call about one task, with its answer. `fence` of a claim: the one that it got; `version`: of the answer's task. */
export type ClaimCall =
	| { readonly kind: "claim"; readonly fence: number; readonly version: number }
	| { readonly kind: "claimed" }
	/** By id: the task is waiting or finished. */
	| { readonly kind: "conflict" }
	/** The next ready task: there is none. */
	| { readonly kind: "none" }
	| { readonly kind: "heartbeat"; readonly fence: number }
	| { readonly kind: "settle"; readonly verb: Verb; readonly fence: number; readonly version: number }
	| { readonly kind: "lost"; readonly verb: Verb | "heartbeat"; readonly fence: number }
	/** A person takes the task from whoever has it. */
	| { readonly kind: "take"; readonly version: number }
	/** A claim ran out. */
	| { readonly kind: "lapse"; readonly fence: number }
	| { readonly kind: "read"; readonly version: number; readonly status: string };

export type Verb = "complete" | "release";

interface State {
	readonly status: string;
	readonly version: number;
	/** Of the claim that lasts. */
	readonly fence: number | null;
	readonly settled: { readonly fence: number; readonly verb: Verb } | null;
	readonly newest: number;
}

const begun: State = { status: "open", version: 1, fence: null, settled: null, newest: 0 };

/** One task that nothing blocks, by the contract (§9). `take` sets it to `open`. */
export const claimsOfTask: Sequential<State, ClaimCall> = {
	initial: begun,
	after(state, call) {
		const changed = (next: Partial<State>): State => ({ ...state, ...next, version: state.version + 1 });
		const when = (holds: boolean, next: State = state) => (holds ? next : undefined);
		const isSettled = (fence: number, verb: string) =>
			state.settled?.fence === fence && state.settled.verb === verb;
		switch (call.kind) {
			case "claim": {
				const { fence } = call;
				const next = changed({ status: "in_progress", fence, settled: null, newest: fence });
				const isFree = state.fence === null && (state.status === "open" || state.status === "in_progress");
				return when(isFree && fence > state.newest && call.version === next.version, next);
			}
			case "claimed":
				return when(state.fence !== null);
			case "conflict":
				return when(state.fence === null && state.status === "done");
			case "none":
				return when(state.status !== "open");
			case "heartbeat":
				return when(state.fence === call.fence);
			case "settle": {
				const { fence, verb } = call;
				if (isSettled(fence, verb)) return when(call.version === state.version);
				const status = verb === "complete" ? "done" : "open";
				const next = changed({ status, fence: null, settled: { fence, verb } });
				return when(state.fence === fence && call.version === next.version, next);
			}
			case "lost":
				return when(state.fence !== call.fence && !isSettled(call.fence, call.verb));
			case "take": {
				if (state.status === "open") return when(call.version === state.version);
				const ended = state.fence !== null ? { fence: null, settled: null } : {};
				const next = changed({ status: "open", ...ended });
				return when(call.version === next.version, next);
			}
			case "lapse":
				return when(state.fence === call.fence, changed({ status: "open", fence: null, settled: null }));
			case "read":
				return when(call.version === state.version && call.status === state.status);
		}
	},
};
