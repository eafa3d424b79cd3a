import type { Log } from "../../kernel/log.ts";
import { Repeater } from "../../kernel/repeater.ts";
import type { RunUnit } from "../../kernel/unit-of-work.ts";
import { type CommentRouteDeps, commentRoutes } from "./routes.ts";
import { commentService } from "./service.ts";
import type { CommentStore } from "./store.ts";

export interface CommentPartsDeps {
	readonly store: CommentStore;
	readonly run: RunUnit;
	readonly log: Log;
}

const rowsPerRemoval = 500;
const removalEveryMs = 10_000;

/** What belongs to comments: their routes, and what removes the comments of deleted tasks. */
export function commentParts({ store, run, log }: CommentPartsDeps) {
	const comments = commentService(store, run);
	return {
		remover: new Repeater({
			round: async () => ((await store.purge(rowsPerRemoval)) ? 0 : removalEveryMs),
			failure: "The comments of deleted tasks could not be removed; trying again.",
			log,
		}),
		routes: (deps: Omit<CommentRouteDeps, "comments">) => commentRoutes({ ...deps, comments }),
	};
}
