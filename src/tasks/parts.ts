import { Elysia } from "elysia";
import type { RunUnit } from "../kernel/unit-of-work.ts";
import { type ClaimPartsDeps, type ClaimRoutesDeps, claimParts } from "./claims/parts.ts";
import type { ClaimStore } from "./claims/store.ts";
import { commentParts } from "./comments/parts.ts";
import type { CommentRouteDeps } from "./comments/routes.ts";
import type { CommentStore } from "./comments/store.ts";
import { type TaskRouteDeps, taskRoutes } from "./routes.ts";
import { taskService } from "./service.ts";
import type { TaskStore } from "./store.ts";
import { TaskSweeper } from "./sweeper.ts";

export interface TaskPartsDeps extends Pick<ClaimPartsDeps, "onChange" | "clock" | "log"> {
	readonly stores: {
		readonly tasks: TaskStore;
		readonly claims: ClaimStore;
		readonly comments: CommentStore;
	};
	readonly run: RunUnit;
}

type RouteDeps = Omit<TaskRouteDeps & ClaimRoutesDeps & CommentRouteDeps, "tasks" | "claims" | "comments">;

/** What belongs to tasks: their use cases, their claims and comments, what time does to them, and all their routes. */
export function taskParts({ stores, run, ...deps }: TaskPartsDeps) {
	const { log } = deps;
	const claims = claimParts({ store: stores.claims, tasks: stores.tasks, run, ...deps });
	const tasks = taskService(stores.tasks, run, claims.announce);
	const comments = commentParts({ store: stores.comments, run, log });
	const sweeper = new TaskSweeper({ swept: [tasks, claims.service], ...deps });
	return {
		routes: (of: RouteDeps) =>
			new Elysia()
				.use(taskRoutes({ ...of, tasks, claims: claims.service }))
				.use(comments.routes({ ...of, tasks }))
				.use(claims.routes(of)),
		start() {
			sweeper.start();
			claims.dispatcher.start();
			comments.remover.start();
		},
		/** Answers those that wait, and waits for the steps in progress. Idempotent. */
		async stop() {
			await Promise.all([sweeper.stop(), claims.dispatcher.stop(), comments.remover.stop()]);
		},
	};
}
