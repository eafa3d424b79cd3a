import type { TaskPageQuery, TaskPlace, TaskSort } from "../../tasks/store.ts";

/** The orders of lists of tasks, in SQL for either database. */

/** A condition with a `?` for each of its values. */
export interface Condition {
	readonly text: string;
	readonly values: readonly (number | string)[];
}

export interface SortColumn {
	readonly name: string;
	readonly direction: "ASC" | "DESC";
}

export type SortOrder = readonly SortColumn[];

/** Under `desc`. */
const orders: Readonly<Record<TaskSort, SortOrder>> = {
	created: [{ name: "seq", direction: "DESC" }],
	updated: [{ name: "updated_seq", direction: "DESC" }],
	priority: [
		{ name: "priority", direction: "DESC" },
		{ name: "rank", direction: "ASC" },
		{ name: "seq", direction: "ASC" },
	],
	status_since: [
		{ name: "status_since", direction: "DESC" },
		{ name: "seq", direction: "DESC" },
	],
};

export function orderOf({ sort, order }: Pick<TaskPageQuery, "sort" | "order">): SortOrder {
	return order === "desc" ? orders[sort] : orders[sort].map(reversed);
}

function reversed({ name, direction }: SortColumn): SortColumn {
	return { name, direction: direction === "ASC" ? "DESC" : "ASC" };
}

export function orderBy(order: SortOrder): string {
	return order.map(({ name, direction }) => `${name} ${direction}`).join(", ");
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
		{ text: `${first.name} = ? AND ${within.text}`, values: [value, ...within.values] },
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
	const names = columns.map(({ name }) => name).join(", ");
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
