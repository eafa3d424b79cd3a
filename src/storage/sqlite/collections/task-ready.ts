import type { Database } from "bun:sqlite";
import type { SpaceId } from "../../../kernel/space.ts";
import { byClaimOrder, type ClaimWish, type TaskState } from "../../../tasks/store.ts";
import { claimOrder, isReadySql } from "../../collections/tasks.ts";
import { stateColumns } from "./task-graph.ts";

type Parameters = { space: SpaceId; assignee: string | null; limit: number };

/**
 * The first ready tasks of one assignee, or of none: the first entries of an index, which each statement names for the
 * reasons that jobs.ts gives.
 */
export const firstReady = `SELECT ${stateColumns} FROM tasks INDEXED BY tasks_ready
	WHERE space = +$space AND assignee IS +$assignee AND ${isReadySql} ORDER BY ${claimOrder} LIMIT abs($limit)`;
export const firstLabelled = `SELECT ${stateColumns} FROM (
	SELECT seq FROM task_labels INDEXED BY task_labels_ready
	WHERE space = +$space AND label = +$label AND assignee IS +$assignee AND ready = 1
	ORDER BY ${claimOrder} LIMIT abs($limit)) AS first CROSS JOIN tasks ON tasks.seq = first.seq`;

/** Prepares what reads the first ready tasks for some wishes, in the order of claims. */
export function readyReader(database: Database) {
	const first = database.query<TaskState, Parameters>(firstReady);
	const labelled = database.query<TaskState, Parameters & { label: string }>(firstLabelled);

	function firstOf({ space, holder, label }: ClaimWish, limit: number): readonly TaskState[] {
		return [null, holder].flatMap((assignee) => {
			const wanted = { space, assignee, limit };
			return label === undefined ? first.all(wanted) : labelled.all({ ...wanted, label });
		});
	}

	return (wishes: readonly ClaimWish[], limit: number): readonly TaskState[] => {
		const found = wishes.flatMap((wish) => firstOf(wish, limit));
		const byId = new Map(found.map((task) => [task.id, task]));
		return [...byId.values()].sort(byClaimOrder);
	};
}
