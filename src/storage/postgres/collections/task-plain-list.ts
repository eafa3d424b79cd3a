import type { TaskPage, TaskPageQuery, TaskRevision, TaskRow } from "../../../tasks/store.ts";
import { cut, sizeSql } from "../../collections/task-page.ts";
import { selection } from "../../table-columns.ts";
import { numbered } from "../numbered.ts";
import type { Pool } from "../pool.ts";
import { taskTable } from "./task-tables.ts";

/** With more, rows could be fetched that the page has no room for. */
const limitMax = 100;
/** How many tasks of all spaces are looked at for each one that is wanted. */
const lookedPerWanted = 3;

/** Whether a page is of all tasks in the order of their creation, as most are. */
export function isPlain({ filter, sort, isBrief, limit }: TaskPageQuery): boolean {
	const isEmpty = filter !== "nothing" && Object.values(filter).every((value) => value === undefined);
	return isEmpty && sort === "created" && !isBrief && limit <= limitMax;
}

interface PageState extends TaskRevision {
	/** Whether there are tasks, of whatever space, beyond those that were looked at. */
	readonly isLonger: boolean;
}

/** A task with the state of the page; of an empty page the state alone. */
type PlainRow = PageState & ({ readonly id: null } | (TaskRow & { readonly size: number }));

/**
 * The page that `taskPage` finds too, by one statement, which is a snapshot by itself. It goes through the primary key, of
 * which no planner has a wrong idea; undefined where other spaces have so many tasks in between that it finds too few.
 */
export async function plainPage({ sql }: Pool, query: TaskPageQuery): Promise<TaskPage | undefined> {
	const { space, limit, order, after } = query;
	const wanted = limit + 1;
	const [behind, direction] = order === "desc" ? ["<", "DESC"] : [">", "ASC"];
	const from = after?.[0] ?? (order === "desc" ? Number.MAX_SAFE_INTEGER : 0);
	const keys = `FROM tasks WHERE seq ${behind} ? ORDER BY seq ${direction}`;
	const text = `
		SELECT head.rev, coalesce((SELECT rev FROM revisions WHERE revisions.space = ? AND collection = 'tasks'), 0) AS "tasksRev",
			EXISTS (SELECT 1 ${keys} OFFSET ${wanted * lookedPerWanted}) AS "isLonger", found.*
		FROM log_head AS head LEFT JOIN LATERAL (
			SELECT ${selection(taskTable)}, ${sizeSql(false)} AS size FROM tasks WHERE seq IN (
				SELECT seq FROM (SELECT seq, space ${keys} LIMIT ${wanted * lookedPerWanted}) AS looked
				WHERE looked.space = ? LIMIT ${wanted})
		) AS found ON true
		WHERE head.one = 1 ORDER BY found.seq ${direction}`;
	const rows = await sql.unsafe<PlainRow[]>(numbered(text), [space, from, from, space], { prepare: true });
	return pageOf(query, rows);
}

function pageOf(query: TaskPageQuery, rows: readonly PlainRow[]): TaskPage | undefined {
	const { rev = 0, tasksRev = 0, isLonger = false } = rows[0] ?? {};
	const tasks = rows.flatMap(({ rev: _, tasksRev: __, isLonger: ___, ...row }) =>
		row.id === null ? [] : [row],
	);
	if (isLonger && tasks.length <= query.limit) return undefined;
	const found = tasks.map(({ seq, size }) => ({ seq, size, place: [seq] }));
	const { places, next } = cut(query, { found, end: undefined });
	const shown = tasks.slice(0, places.length).map(({ size: _, ...task }) => task);
	return { rows: shown, next, revision: { rev, tasksRev } };
}
