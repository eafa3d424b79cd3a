import { inSpace } from "../../../kernel/space.ts";
import {
	type ClaimPageQuery,
	type ClaimReadSet,
	type ClaimRow,
	type ClaimRows,
	type ClaimStore,
	claims as collection,
	fenceOf,
	firstLapsed,
	type TaskResultRow,
} from "../../../tasks/claims/store.ts";
import type { NewEpoch } from "../../log-epoch.ts";
import { databaseNow } from "../clock.ts";
import { type GroupRows, type Registration, type StoreContext, unitsOf } from "../collection.ts";
import type { Fragment, Sql, Tx } from "../connection.ts";
import { IdentityMap } from "../identity-map.ts";
import { TableStatements } from "../table-statements.ts";
import { claimTable, taskResultTable } from "./claim-tables.ts";

const claimStatements = new TableStatements(claimTable, { key: "task", fixed: ["space"] });
const resultStatements = new TableStatements(taskResultTable, {
	key: "task",
	fixed: ["space"],
	json: ["result"],
});

export const claims = {
	tables: { claims: claimTable, taskResults: taskResultTable },
	units: unitsOf(collection, () => new ClaimGroupRows()),
	// No event has the number at which the new epoch begins, so no claim has its fence.
	beginEpoch: (tx: Tx, { rev }: NewEpoch) =>
		tx`UPDATE claims SET fence = ${fenceOf(rev, 0)}::bigint WHERE lease_expires_at IS NOT NULL`,
	store: claimStore,
} satisfies Registration<ClaimStore, { claims: ClaimRow; taskResults: TaskResultRow }>;

class ClaimGroupRows extends IdentityMap<ClaimRow> implements ClaimRows, GroupRows<ClaimReadSet, ClaimRows> {
	readonly rows = this;
	readonly #results = new IdentityMap<TaskResultRow>(({ task }) => task);
	/** Tasks that are gone, those that the current unit has removed last. */
	readonly #gone: string[] = [];
	#keptGone = 0;

	constructor() {
		super(
			({ task }) => task,
			({ space }) => space,
		);
	}

	async fetch(tx: Tx, readSets: readonly ClaimReadSet[]): Promise<void> {
		const tasks = readSets.flatMap((readSet) => readSet.tasks ?? []);
		const lapsed = readSets.reduce((sum, readSet) => sum + (readSet.lapsed ?? 0), 0);
		const found = await Promise.all([
			tasks.length > 0
				? tx<ClaimRow[]>`SELECT ${claimStatements.columns(tx)} FROM claims WHERE task = ANY(${tasks}::uuid[])`
				: [],
			lapsed > 0 ? lapsedClaims(tx, lapsed) : [],
		]);
		this.load(found.flat());
	}

	find(task: string): ClaimRow | undefined {
		return this.get(task);
	}

	putResult(row: TaskResultRow): void {
		this.#results.put(row);
	}

	remove(task: string): void {
		const claim = this.get(task);
		if (claim !== undefined) this.delete(claim);
		const result = this.#results.get(task);
		if (result !== undefined) this.#results.delete(result);
		this.#gone.push(task);
	}

	lapsed(limit: number, now: number): readonly ClaimRow[] {
		return firstLapsed(this.values(), limit, now);
	}

	override keep(): void {
		super.keep();
		this.#results.keep();
		this.#keptGone = this.#gone.length;
	}

	override undo(): void {
		super.undo();
		this.#results.undo();
		this.#gone.length = this.#keptGone;
	}

	write(tx: Tx): readonly PromiseLike<unknown>[] {
		const claimed = this.changes();
		const put = [...claimed.inserted, ...claimed.updated];
		const results = this.#results.changes().inserted;
		return [
			...(this.#gone.length > 0 ? removeOf(tx, this.#gone) : []),
			...(put.length > 0 ? [tx`${claimStatements.insert(tx, put)} ${tx.unsafe(claimInPlace)}`] : []),
			...(results.length > 0
				? [tx`${resultStatements.insert(tx, results)} ${tx.unsafe(resultInPlace)}`]
				: []),
		];
	}
}

/** A unit that takes the next task has not looked at the task's earlier claim. */
const claimInPlace = `ON CONFLICT (task) DO UPDATE SET ${[
	"fence",
	"settled_fence",
	"settled_by",
	"holder",
	"actor",
	"claimed_at",
	"lease_seconds",
	"lease_expires_at",
]
	.map((column) => `${column} = excluded.${column}`)
	.join(", ")}`;
const resultInPlace = "ON CONFLICT (task) DO UPDATE SET result = excluded.result";

function removeOf(tx: Tx, tasks: readonly string[]): readonly PromiseLike<unknown>[] {
	return [
		tx`DELETE FROM claims WHERE task = ANY(${[...tasks]}::uuid[])`,
		tx`DELETE FROM task_results WHERE task = ANY(${[...tasks]}::uuid[])`,
	];
}

function lapsedClaims(tx: Tx, limit: number) {
	return tx<ClaimRow[]>`SELECT ${claimStatements.columns(tx)} FROM claims
		WHERE lease_expires_at IS NOT NULL AND lease_expires_at <= ${databaseNow(tx)}
		ORDER BY lease_expires_at, task LIMIT ${limit}`;
}

function claimStore({ pool }: StoreContext): ClaimStore {
	const { sql } = pool;
	return {
		async find(space, task) {
			const [row] = await pool.query(
				() => sql<ClaimRow[]>`SELECT ${claimStatements.columns(sql)} FROM claims WHERE task = ${task}::uuid`,
			);
			return inSpace(space, row);
		},
		async list(query) {
			const found = await pool.query(() => page(sql, query));
			const rows = found.flatMap(({ now: _, ...row }) => (row.task === null ? [] : [row as ClaimRow]));
			return {
				rows: rows.slice(0, query.limit),
				more: rows.length > query.limit,
				now: found[0]?.now ?? 0,
			};
		},
		async result(space, task) {
			const [row] = await pool.query(
				() =>
					sql<
						TaskResultRow[]
					>`SELECT ${resultStatements.columns(sql)} FROM task_results WHERE task = ${task}::uuid`,
			);
			return inSpace(space, row)?.result;
		},
		async dueInMs() {
			// The first entry of its index.
			const [row] = await pool.query(
				() => sql<
					{ milliseconds: number | null }[]
				>`SELECT min(lease_expires_at) - ${databaseNow(sql)} AS milliseconds
					FROM claims WHERE lease_expires_at IS NOT NULL`,
			);
			return row?.milliseconds ?? undefined;
		},
	};
}

type PageRow = { readonly [Column in keyof ClaimRow]: ClaimRow[Column] | null } & { readonly now: number };

/** One statement, with the clock. An empty page is one row without a claim. */
function page(sql: Sql, query: ClaimPageQuery): PromiseLike<PageRow[]> {
	const { space, limit, after } = query;
	const behind = after ? sql`AND (fence, task) > (${after.fence}::bigint, ${after.task}::uuid)` : sql``;
	return sql<PageRow[]>`
		SELECT ${databaseNow(sql)} AS now, found.* FROM (SELECT 1) AS one
		LEFT JOIN LATERAL (
			SELECT ${claimStatements.columns(sql)} FROM claims
			WHERE lease_expires_at IS NOT NULL AND space = ${space} ${filters(sql, query)} ${behind}
			ORDER BY fence, task LIMIT ${limit + 1}) AS found ON true
		ORDER BY found.fence, found.task`;
}

function filters(sql: Sql, { holder, task, actor }: ClaimPageQuery): Fragment {
	return sql`
		${holder === undefined ? sql`` : sql`AND holder = ${holder}`}
		${task === undefined ? sql`` : sql`AND task = ${task}::uuid`}
		${actor === undefined ? sql`` : sql`AND actor = ${actor}`}`;
}
