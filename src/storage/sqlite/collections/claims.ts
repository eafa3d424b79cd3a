import type { Database, SQLQueryBindings } from "bun:sqlite";
import type { SpaceId } from "../../../kernel/space.ts";
import {
	type ClaimPageQuery,
	type ClaimRow,
	type ClaimRows,
	type ClaimStore,
	claims as collection,
	fenceOf,
	type TaskResultRow,
} from "../../../tasks/claims/store.ts";
import { claimFilter } from "../../collections/claims.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import { selection } from "../../table-columns.ts";
import { databaseClock } from "../clock.ts";
import { type Registration, RowsInPlace, type StoreContext, unitsOf } from "../collection.ts";
import { TableStatements } from "../table-statements.ts";
import { claimTable, taskResultTable } from "./claim-tables.ts";

export const claims = {
	tables: { claims: claimTable, taskResults: taskResultTable },
	units: unitsOf(collection, (database: Database) => new ClaimRowsInPlace(database)),
	// No event has the number at which the new epoch begins, so no claim has its fence.
	beginEpoch(database: Database, { rev }: NewEpoch): void {
		database.run("UPDATE claims SET fence = ? WHERE lease_expires_at IS NOT NULL", [fenceOf(rev, 0)]);
	},
	store: claimStore,
} satisfies Registration<ClaimStore, { claims: ClaimRow; taskResults: TaskResultRow }>;

const columns = selection(claimTable);
const claimOfTask = `SELECT ${columns} FROM claims WHERE task = ?`;

/** Names its index, and hides its parameter, for the reasons that jobs.ts gives. */
export const lapsedClaims = `SELECT ${columns} FROM claims INDEXED BY claims_expiring
	WHERE lease_expires_at IS NOT NULL AND lease_expires_at <= $now ORDER BY lease_expires_at, task LIMIT abs($limit)`;

class ClaimRowsInPlace extends RowsInPlace implements ClaimRows {
	readonly #byTask;
	readonly #lapsed;
	readonly #remove;
	readonly #removeResult;
	readonly #statements;
	readonly #results;

	constructor(database: Database) {
		super();
		this.#byTask = database.query<ClaimRow, [string]>(claimOfTask);
		this.#lapsed = database.query<ClaimRow, { now: number; limit: number }>(lapsedClaims);
		this.#remove = database.query<never, [string]>("DELETE FROM claims WHERE task = ?");
		this.#removeResult = database.query<never, [string]>("DELETE FROM task_results WHERE task = ?");
		this.#statements = new TableStatements(database, claimTable, { key: "task", fixed: ["space"] });
		this.#results = new TableStatements(database, taskResultTable, { key: "task", fixed: ["space"] });
	}

	find(task: string): ClaimRow | undefined {
		return this.#byTask.get(task) ?? undefined;
	}

	put(row: ClaimRow): void {
		this.wrote(row);
		if (this.#statements.update(row) === 0) this.#statements.insert(row);
	}

	putResult(row: TaskResultRow): void {
		this.wrote(row);
		if (this.#results.update(row) === 0) this.#results.insert(row);
	}

	remove(task: string): void {
		this.wrote();
		this.#remove.run(task);
		this.#removeResult.run(task);
	}

	lapsed(limit: number, now: number): readonly ClaimRow[] {
		return this.#lapsed.all({ now, limit });
	}
}

const earliestEnd =
	"SELECT min(lease_expires_at) AS at FROM claims INDEXED BY claims_expiring WHERE lease_expires_at IS NOT NULL";

function claimStore({ database, read }: StoreContext): ClaimStore {
	const byTask = database.query<ClaimRow, [string, SpaceId]>(`${claimOfTask} AND space = ?`);
	const resultOf = database.query<Pick<TaskResultRow, "result">, [string, SpaceId]>(
		"SELECT result FROM task_results WHERE task = ? AND space = ?",
	);
	const nextEnd = database.query<{ at: number | null }, []>(earliestEnd);
	const now = databaseClock(database);
	// One transaction, so that a claim that has just run out is not later than the clock that is shown.
	const page = database.transaction((query: ClaimPageQuery) => {
		const { index, conditions, values } = claimFilter(query);
		const statement = database.query<ClaimRow, SQLQueryBindings[]>(`SELECT ${columns} FROM claims ${index}
			WHERE lease_expires_at IS NOT NULL AND ${conditions.map((condition) => `${condition} ?`).join(" AND ")}
				AND (fence, task) > (?, ?) ORDER BY fence, task LIMIT ?`);
		const { fence, task } = query.after ?? { fence: 0, task: "" };
		const rows = statement.all(...values, fence, task, query.limit + 1);
		return { rows: rows.slice(0, query.limit), more: rows.length > query.limit, now: now() };
	});
	return {
		find: (space, task) => read(() => byTask.get(task, space) ?? undefined),
		list: (query) => read(() => page.deferred(query)),
		result: (space, task) => read(() => resultOf.get(task, space)?.result),
		dueInMs: () =>
			read(() => {
				const at = nextEnd.get()?.at ?? undefined;
				return at === undefined ? undefined : at - now();
			}),
	};
}
