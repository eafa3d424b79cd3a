import type { TaskRow, TaskState } from "../../../tasks/store.ts";
import {
	addToCount,
	blockerRows,
	changesLabels,
	labelRows,
	readyFlag,
	TaskCounts,
} from "../../collections/tasks.ts";
import type { Fragment, Sql, Tx } from "../connection.ts";
import type { HeadOfGroup } from "../head-of-group.ts";
import type { RowChanges } from "../identity-map.ts";
import { TableStatements } from "../table-statements.ts";
import { taskBlockerTable, taskCountTable, taskLabelTable } from "./task-tables.ts";

const labelStatements = new TableStatements(taskLabelTable, { key: "seq", fixed: [], numbered: ["seq"] });
const blockerStatements = new TableStatements(taskBlockerTable, { key: "task", fixed: [] });
const countStatements = new TableStatements(taskCountTable, { key: "status", fixed: [] });

/** A task before a group's changes and after them. */
export interface Updated<Row> {
	readonly before: Row;
	readonly now: Row;
}

/** The statements that insert what follows from new tasks. `head`: for rows whose number is known to the statement alone. */
export function insertLookups(
	sql: Sql | Tx,
	inserted: readonly TaskRow[],
	head?: HeadOfGroup,
): readonly Fragment[] {
	const labels = inserted.flatMap(labelRows);
	const blockers = inserted.flatMap(blockerRows);
	return [
		...(labels.length > 0 ? [labelStatements.insert(sql, labels, head)] : []),
		...(blockers.length > 0 ? [blockerStatements.insert(sql, blockers, head)] : []),
	];
}

/** The statements that remove what follows from tasks no more. */
export function removeLookups(tx: Tx, removed: readonly TaskRow[]): readonly Fragment[] {
	const labels = removed.flatMap(labelRows);
	const blockers = removed.flatMap(blockerRows);
	return [
		...(labels.length > 0 ? [labelStatements.remove(tx, labels)] : []),
		...(blockers.length > 0 ? [blockerStatements.remove(tx, blockers)] : []),
	];
}

/** The same for tasks that are others now: rows that differ are removed and inserted again. */
export function updateLookups(tx: Tx, updated: readonly Updated<TaskRow>[]): readonly Fragment[] {
	const relabelled = updated.filter(({ before, now }) => changesLabels(before, now));
	const reblocked = updated.filter(({ before, now }) => before.blockedBy !== now.blockedBy);
	const oldLabels = relabelled.flatMap(({ before }) => labelRows(before));
	const newLabels = relabelled.flatMap(({ now }) => labelRows(now));
	const oldBlockers = reblocked.flatMap(({ before }) => blockerRows(before));
	const newBlockers = reblocked.flatMap(({ now }) => blockerRows(now));
	return [
		...(oldLabels.length > 0 ? [labelStatements.remove(tx, oldLabels)] : []),
		...(newLabels.length > 0 ? [labelStatements.insert(tx, newLabels)] : []),
		...(oldBlockers.length > 0 ? [blockerStatements.remove(tx, oldBlockers)] : []),
		...(newBlockers.length > 0 ? [blockerStatements.insert(tx, newBlockers)] : []),
	];
}

/** The statements that write how many blockers of tasks are open, of which nothing else is known or has changed. */
export function updateOpenBlockers(tx: Tx, updated: readonly Updated<TaskState>[]): readonly Fragment[] {
	if (updated.length === 0) return [];
	const states = updated.map(({ now }) => now);
	const turned = updated
		.filter(({ before, now }) => readyFlag(before) !== readyFlag(now))
		.map(({ now }) => now);
	return [
		tx`UPDATE tasks SET open_blockers = next.open_blockers
			FROM unnest(${states.map(({ id }) => id)}::uuid[], ${states.map(({ openBlockers }) => openBlockers)}::integer[])
				AS next (id, open_blockers)
			WHERE tasks.id = next.id`,
		...(turned.length > 0
			? [
					tx`UPDATE task_labels SET ready = next.ready
						FROM unnest(${turned.map(({ seq }) => seq)}::bigint[], ${turned.map(readyFlag)}::integer[])
							AS next (seq, ready)
						WHERE task_labels.seq = next.seq`,
				]
			: []),
	];
}

/**
 * What the changes add to the counts. The caller holds the lock of the log's head, so it never waits for the rows of the
 * counts.
 */
export function updateCounts(
	sql: Sql | Tx,
	{ inserted, removed }: Omit<RowChanges<TaskRow>, "updated">,
	updated: readonly Updated<TaskRow>[],
	head?: HeadOfGroup,
): readonly Fragment[] {
	const counts = new TaskCounts();
	for (const row of inserted) counts.add(row, row.status, 1);
	for (const row of removed) counts.add(row, row.status, -1);
	for (const { before, now } of updated) {
		counts.add(before, before.status, -1);
		counts.add(now, now.status, 1);
	}
	const rows = counts.rows();
	if (rows.length === 0) return [];
	return [sql`${countStatements.insert(sql, rows, head)} ${sql.unsafe(addToCount)}`];
}
