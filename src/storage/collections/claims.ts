import type { ClaimPageQuery } from "../../tasks/claims/store.ts";

/** The conditions of a page of claims, each without its value, for either database. `index`: for SQLite. */
export function claimFilter({ space, holder, task, actor }: ClaimPageQuery) {
	const wanted = Object.entries({ space, holder, task, actor }).filter(([, value]) => value !== undefined);
	return {
		conditions: wanted.map(([column]) => `${column} =`),
		values: wanted.map(([, value]) => value as string | number),
		index: task === undefined ? `INDEXED BY ${indexFor(holder, actor)}` : "",
	};
}

function indexFor(holder: string | undefined, actor: string | undefined): string {
	if (actor !== undefined) return "claims_by_actor";
	return holder === undefined ? "claims_lasting" : "claims_by_holder";
}
