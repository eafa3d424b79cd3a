import type { TaskPageQuery, TaskPlace, TaskSort } from "../../tasks/store.ts";

/** The orders of lists of tasks, in SQL for either database. */

/** A condition with a `?` for each of its values. */
export interface Condition {
	readonly text: string;
	readonly values: readonly (number | string)[];
}

export interface SortColumn {
	readonly name: string;
	/** As the indexes of the order have it. */
	readonly sql: string;
	readonly direction: "ASC" | "DESC";
}

export type SortOrder = readonly SortColumn[];

/**
 * The order of creation, as the indexes of lists have it. By the bare number Postgres would also find it in the primary
 * key, and go through a million finished tasks, or those of another space, for a few others.
 */
export const createdSql = "(seq + 0)";

function column(name: string, direction: "ASC" | "DESC", sql = name): SortColumn {
	return { name, sql, direction };
}

/** Under `desc`. */
const orders: Readonly<Record<TaskSort, SortOrder>> = {
	created: [column("seq", "DESC", createdSql)],
	updated: [column("updated_seq", "DESC")],
	priority: [column("priority", "DESC"), column("rank", "ASC"), column("seq", "ASC")],
	status_since: [column("status_since", "DESC"), column("seq", "DESC")],
};

export function orderOf({ sort, order }: Pick<TaskPageQuery, "sort" | "order">): SortOrder {
	return order === "desc" ? orders[sort] : orders[sort].map(reversed);
}

function reversed({ name, sql, direction }: SortColumn): SortColumn {
	return column(name, direction === "ASC" ? "DESC" : "ASC", sql);
}

export function orderBy(order: SortOrder): string {
	return order.map(({ sql, direction }) => `${sql} ${direction}`).join(", ");
}

/**
 * What comes after a place, in parts, the earliest first. Each part is a range of an index that has the order: one
 * comparison of several columns is, but only where all of them have the same direction.
 */
export function partsAfter(order: SortOrder, place: TaskPlace | undefined): readonly Condition[] {
	if (place === undefined) return [{ text: "true", values: [] }];
	const [first, ...rest] = order;
	const [value, ...values] = place;
	if (first === undefined || value === undefined) throw new Error("a place of another order");
	if (rest.every(({ direction }) => direction === first.direction)) return [after(order, place)];
	const within = after(rest, values);
	return [
		{ text: `${first.sql} = ? AND ${within.text}`, values: [value, ...within.values] },
		after([first], [value]),
	];
}

/** All of it as one condition. */
export function whereAfter(order: SortOrder, place: TaskPlace | undefined): Condition {
	const parts = partsAfter(order, place);
	return {
		text: `(${parts.map(({ text }) => `(${text})`).join(" OR ")})`,
		values: parts.flatMap(({ values }) => values),
	};
}

function after(columns: SortOrder, values: TaskPlace): Condition {
	const sign = columns[0]?.direction === "ASC" ? ">" : "<";
	const names = columns.map(({ sql }) => sql).join(", ");
	return { text: `(${names}) ${sign} (${columns.map(() => "?").join(", ")})`, values };
}

/** Below 0 where `a` comes first. Texts are compared by code unit: ranks are ASCII. */
export function comparePlaces(order: SortOrder, a: TaskPlace, b: TaskPlace): number {
	for (const [index, { direction }] of order.entries()) {
		const [left, right] = [a[index], b[index]];
		if (left === undefined || right === undefined) throw new Error("a place of another order");
		if (left !== right) return left < right === (direction === "ASC") ? -1 : 1;
	}
	return 0;
}
