import { Elysia } from "elysia";
import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { RunUnit } from "../../kernel/unit-of-work.ts";
import type { TaskStore } from "../store.ts";
import { ClaimDispatcher, ClaimWaits } from "./dispatcher.ts";
import { type ClaimReadDeps, claimReadRoutes } from "./read-routes.ts";
import { type ClaimRouteDeps, claimRoutes } from "./routes.ts";
import { claimService } from "./service.ts";
import type { ClaimStore } from "./store.ts";

export interface ClaimPartsDeps {
	readonly store: ClaimStore;
	readonly tasks: Pick<TaskStore, "find" | "ready">;
	readonly run: RunUnit;
	/** Calls the listener when any process may have changed something. Returns the function that unsubscribes. */
	readonly onChange: (listener: () => void) => () => void;
	readonly clock: Clock;
	readonly log: Log;
}

/** What the routes of claims need besides. */
export type ClaimRoutesDeps = Omit<ClaimRouteDeps & ClaimReadDeps, "claims" | "dispatcher" | "tasks">;

/** What belongs to claims: their use cases, those that wait, and their routes. */
export function claimParts({ store, run, ...deps }: ClaimPartsDeps) {
	const waits = new ClaimWaits();
	const announce = waits.announce.bind(waits);
	const claims = claimService(store, run, announce);
	const dispatcher = new ClaimDispatcher({ ...deps, claims, waits });
	const { tasks } = deps;
	return {
		service: claims,
		/** To be told of tasks that became ready. */
		announce,
		dispatcher,
		routes: (of: ClaimRoutesDeps) =>
			new Elysia()
				.use(claimRoutes({ ...of, claims, tasks, dispatcher }))
				.use(claimReadRoutes({ ...of, claims })),
	};
}
