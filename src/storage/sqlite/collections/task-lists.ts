import type { Database } from "bun:sqlite";
import type { SpaceId } from "../../../kernel/space.ts";
import type { TaskPage, TaskPageQuery, TaskRevision, TaskRow } from "../../../tasks/store.ts";
import {
	briefSelection,
	runNow,
	sizeSql,
	type TaskReader,
	type TaskTexts,
	taskPage,
} from "../../collections/task-page.ts";
import { selection } from "../../table-columns.ts";
import { taskTable } from "./task-tables.ts";

/** Reads pages of tasks, each in one transaction, so that rows and revision are of one snapshot. */
export function taskPages(
	database: Database,
	revision: (space: SpaceId) => TaskRevision,
): (query: TaskPageQuery) => TaskPage {
	const whole = database.query<TaskRow, [number]>(`SELECT ${selection(taskTable)} FROM tasks WHERE seq = ?`);
	const brief = database.query<TaskRow, [number]>(
		`SELECT ${briefSelection(taskTable)} FROM tasks WHERE seq = ?`,
	);
	const texts = [true, false].map((isBrief) => ({
		isBrief,
		statement: database.query<TaskTexts, [number]>(
			`SELECT seq, title, description, ${sizeSql(isBrief)} AS size FROM tasks WHERE seq = ?`,
		),
	}));
	const reader: TaskReader = {
		revision,
		select: <Row>(text: string, values: readonly (number | string)[]) =>
			database.query<Row, (number | string)[]>(text).all(...values),
		rows: (seqs, isBrief) => seqs.flatMap((seq) => (isBrief ? brief : whole).get(seq) ?? []),
		texts: (seqs, isBrief) => {
			const found = texts.find((one) => one.isBrief === isBrief);
			return seqs.flatMap((seq) => found?.statement.get(seq) ?? []);
		},
		// SQLite's planner knows nothing of how many rows a value has.
		using: (index) => ` INDEXED BY ${index}`,
	};
	const page = database.transaction((query: TaskPageQuery) => runNow(taskPage(query), reader));
	return (query) => page.deferred(query);
}
