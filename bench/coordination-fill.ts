import { runSql } from "../test/support/sql.ts";

/** Databases full of tasks, filled by SQL. */

/** The id of the task with a number. */
export function filledId(number: number): string {
	return `019ab2f4-7c1e-7a52-9d0b-${number.toString(16).padStart(12, "0")}`;
}

/** Numbers of the last finished, the last blocked and the last waiting task; those after it are ready. */
export function boundsOf(count: number) {
	const blocked = Math.ceil(count / 20);
	// At most 1,000 tasks may name a blocker.
	const waiting = Math.ceil(blocked / 500);
	// Agents that are measured must find a task each, however few there are.
	const ready = Math.max(blocked - waiting, 130);
	const finished = count - blocked - waiting - ready;
	return { finished, blocked: finished + blocked, waiting: finished + blocked + waiting };
}

const description =
	"What the harbour looks like in such weather, in some words that a search has to read. ".repeat(2);

/**
 * Most tasks are finished; one in twenty is blocked and more urgent than every ready one. The label `rare` is that of all
 * blocked tasks and of one ready one; `common` that of half of the finished ones. One finished task has the word `zebra`.
 */
export async function fillTasks(url: string, count: number): Promise<void> {
	const isPostgres = url.startsWith("postgres");
	const { finished, blocked, waiting } = boundsOf(count);
	const rare = waiting + 100;
	const numbers = isPostgres
		? `generate_series(1, ${count}) AS n`
		: `(WITH RECURSIVE up(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < ${count}) SELECT n FROM up)`;
	const text = (of: string) =>
		`('019ab2f4-7c1e-7a52-9d0b-' || ${isPostgres ? `lpad(to_hex(${of}), 12, '0')` : `printf('%012x', ${of})`})`;
	const id = (of: string) => `${text(of)}${isPostgres ? "::uuid" : ""}`;
	const blocker = `(${blocked} + 1 + n % ${waiting - blocked})`;
	const isBlocked = `n > ${finished} AND n <= ${blocked}`;
	const status = `CASE WHEN n <= ${finished} THEN CASE WHEN n % 100 = 0 THEN 'cancelled' ELSE 'done' END
		WHEN n > ${blocked} AND n <= ${waiting} THEN 'waiting' ELSE 'open' END`;
	const labels = `CASE WHEN ${isBlocked} OR n = ${rare} THEN '["rare"]' WHEN n <= ${finished} AND n % 2 = 0 THEN '["common"]' ELSE '[]' END`;
	const assignee = `CASE WHEN n > ${blocked} THEN NULL WHEN n % 3 = 0 THEN 'ada' WHEN n % 1000 = 1 THEN 'grace' END`;
	const parent = `CASE WHEN n <= ${finished} AND n % 10 = 5 THEN ${id("1")} END`;
	for (const statement of [
		`INSERT INTO tasks (seq, updated_seq, space, id, number, title, description, version, status, status_since, priority, rank,
				assignee, parent, blocked_by, open_blockers, labels, due_at, created_at, updated_at)
			SELECT n, CASE WHEN n % 2 = 0 THEN ${count} + n ELSE n END, 1, ${id("n")}, n,
				'Task ' || n || CASE WHEN n = 5 THEN ' zebra' ELSE '' END, '${description}', 1, ${status}, 1700000000000 + n,
				CASE WHEN ${isBlocked} THEN 50 ELSE n % 10 END, '019ab2f47c1e7a52m', ${assignee}, ${parent},
				CASE WHEN ${isBlocked} THEN '["' || ${text(blocker)} || '"]' ELSE '[]' END, CASE WHEN ${isBlocked} THEN 1 ELSE 0 END,
				${labels}, CASE WHEN n % 7 = 0 THEN 1700000000000 + n END, 1700000000000 + n, 1700000000000 + n FROM ${numbers}`,
		`INSERT INTO task_labels (seq, label, space, assignee, priority, rank, ready)
			SELECT seq, CASE WHEN labels = '["rare"]' THEN 'rare' ELSE 'common' END, 1, assignee, priority, rank,
				CASE WHEN seq = ${rare} THEN 1 ELSE 0 END FROM tasks WHERE labels <> '[]' ORDER BY seq`,
		`INSERT INTO task_blockers (task, blocker, space) SELECT ${id("n")}, ${id(blocker)}, 1 FROM ${numbers} WHERE ${isBlocked}`,
		"INSERT INTO task_counts (space, status, count) SELECT 1, status, count(*) FROM tasks GROUP BY status",
		`INSERT INTO task_numbers (space, next) VALUES (1, ${count + 1})`,
		`UPDATE log_head SET rev = ${2 * count}`,
		`INSERT INTO revisions (space, collection, rev) VALUES (1, 'tasks', ${2 * count})
			ON CONFLICT (space, collection) DO UPDATE SET rev = excluded.rev`,
		...(isPostgres
			? ["VACUUM ANALYZE tasks", "VACUUM ANALYZE task_labels", "VACUUM ANALYZE task_blockers"]
			: []),
	])
		await runSql(url, statement);
}
