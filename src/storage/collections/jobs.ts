import { and, type Column, desc, eq, lt } from "drizzle-orm";
import type { JobPage, JobQuery, JobRow } from "../../jobs/store.ts";

/** What both databases share in storing jobs. */

/** `byLeaseOrder` in SQL, for either database. The index jobs_leasable has the same order. */
export const leaseOrder = "priority DESC, run_at, id";

interface JobColumns {
	readonly space: Column;
	readonly id: Column;
	readonly queue: Column;
	readonly state: Column;
	readonly kind: Column;
}

/** Filter, order and limit of a page of jobs. One more row is read, to know whether there is a next page. */
export function pageOf({ space, id, queue, state, kind }: JobColumns, query: JobQuery) {
	const equal = (column: Column, value: string | undefined) =>
		value === undefined ? undefined : eq(column, value);
	return {
		where: and(
			eq(space, query.space),
			equal(queue, query.queue),
			equal(state, query.state),
			equal(kind, query.kind),
			query.after === undefined ? undefined : lt(id, query.after),
		),
		orderBy: desc(id),
		limit: query.limit + 1,
	};
}

export function jobPage(found: readonly JobRow[], { limit }: JobQuery): JobPage {
	return { rows: found.slice(0, limit), more: found.length > limit };
}
