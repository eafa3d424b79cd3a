import type { Fragment, Sql, Tx } from "./connection.ts";

/** How a statement numbers its rows: `SELECT ${base} + seq, … FROM ${from} unnest(…)`. */
export interface HeadOfGroup {
	readonly base: Fragment;
	readonly from: Fragment;
}

/** For rows that already have their numbers. */
export function numbersAsTheyAre(sql: Sql | Tx): HeadOfGroup {
	return { base: sql`0`, from: sql`` };
}
