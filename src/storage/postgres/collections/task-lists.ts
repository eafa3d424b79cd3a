import type { SpaceId } from "../../../kernel/space.ts";
import type { TaskPage, TaskPageQuery, TaskRevision, TaskRow } from "../../../tasks/store.ts";
import {
	briefSelection,
	run,
	sizeSql,
	type TaskReader,
	type TaskTexts,
	taskPage,
} from "../../collections/task-page.ts";
import { selection } from "../../table-columns.ts";
import type { Tx } from "../connection.ts";
import { numbered } from "../numbered.ts";
import type { Pool } from "../pool.ts";
import { isPlain, plainPage } from "./task-plain-list.ts";
import { taskTable } from "./task-tables.ts";

const columns = { whole: selection(taskTable), brief: briefSelection(taskTable) };

/** Reads pages of tasks, each in one snapshot, so that rows and revision belong together. */
export function taskPages(
	pool: Pool,
	revision: (tx: Tx, space: SpaceId) => Promise<TaskRevision>,
): (query: TaskPageQuery) => Promise<TaskPage> {
	function snapshot(query: TaskPageQuery): Promise<TaskPage> {
		return pool.snapshot((tx) =>
			run(
				taskPage(query),
				readerOf(tx, (space) => revision(tx, space)),
			),
		);
	}
	return (query) =>
		pool.query(async () => (isPlain(query) && (await plainPage(pool, query))) || snapshot(query));
}

function readerOf(tx: Tx, revision: (space: SpaceId) => Promise<TaskRevision>): TaskReader {
	return {
		revision,
		select: async <Row>(text: string, values: readonly (number | string)[]) => [
			...(await tx.unsafe<(Row & object)[]>(numbered(text), [...values])),
		],
		rows: async (seqs, isBrief) => [
			...(await tx<TaskRow[]>`SELECT ${tx.unsafe(isBrief ? columns.brief : columns.whole)} FROM tasks
				WHERE seq = ANY(${[...seqs]}::bigint[])`),
		],
		texts: async (seqs, isBrief) => [
			...(await tx<
				TaskTexts[]
			>`SELECT seq, title, description, ${tx.unsafe(sizeSql(isBrief))} AS size FROM tasks
				WHERE seq = ANY(${[...seqs]}::bigint[])`),
		],
		// Its planner is told what to leave alone: see Pool.snapshot.
		using: () => "",
	};
}
