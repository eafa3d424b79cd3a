import { addToKept, type CountDifferences } from "../../collections/job-counts.ts";
import type { Tx } from "../connection.ts";
import { TableStatements } from "../table-statements.ts";
import { jobCountTable } from "./job-tables.ts";

const countStatements = new TableStatements(jobCountTable, { key: "queue", fixed: [] });

/** The caller holds the lock of the log's head, so it never waits for the rows of the counts. */
export function addToCounts(tx: Tx, differences: CountDifferences): PromiseLike<unknown>[] {
	const rows = differences.rows();
	if (rows.length === 0) return [];
	return [
		tx`${countStatements.insert(tx, rows)} ON CONFLICT (space, queue) DO UPDATE SET ${tx.unsafe(addToKept)}`,
	];
}
