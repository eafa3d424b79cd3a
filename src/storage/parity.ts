import type { User } from "../auth/store.ts";
import type { JobCounts, JobRow } from "../jobs/store.ts";
import type { TaskRow } from "../tasks/store.ts";
import type * as postgres from "./postgres/schema.ts";
import type * as sqlite from "./sqlite/schema.ts";

/** The two schemas hold the same rows, and these are the rooms' own types: checked by the compiler, free at run time. */

type Same<A, B> =
	(<T>() => T extends Readonly<A> ? 1 : 2) extends <T>() => T extends Readonly<B> ? 1 : 2 ? true : never;
type Row<Table extends { $inferSelect: unknown }> = Table["$inferSelect"];
type Schema = Omit<typeof sqlite, never>;

type TablesAgree = {
	[Name in keyof Schema]: Same<Row<(typeof sqlite)[Name]>, Row<(typeof postgres)[Name]>>;
};

export const tablesAgree: TablesAgree = {
	users: true,
	tasks: true,
	jobs: true,
	jobCounts: true,
	events: true,
	logHead: true,
	idempotency: true,
	settings: true,
};

export const rowsAreTheRooms: [
	Same<Row<typeof sqlite.tasks>, TaskRow>,
	Same<Row<typeof sqlite.users>, User>,
	Same<Row<typeof sqlite.jobs>, JobRow>,
	Same<Row<typeof sqlite.jobCounts>, { [Column in keyof JobCounts]: JobCounts[Column] }>,
] = [true, true, true, true];
