import type { Database } from "bun:sqlite";
import { and, eq, sql } from "drizzle-orm";
import type { JobRow, JobState, JobWork } from "../../jobs/store.ts";
import type { Db } from "./connection.ts";
import { jobCounts, jobs } from "./schema.ts";

/** Rows as a change sees them, inside the writer's transaction. */
export function jobRows(database: Database, db: Db): JobWork["jobs"] {
	const byId = db
		.select()
		.from(jobs)
		.where(eq(jobs.id, sql.placeholder("id")))
		.prepare();
	const byKey = db
		.select()
		.from(jobs)
		.where(
			sql`${jobs.queue} = ${sql.placeholder("queue")} AND ${jobs.uniqueKey} = ${sql.placeholder("uniqueKey")}
				AND state IN ('leased', 'queued', 'scheduled')`,
		)
		.prepare();
	const nextOf = database.query<Candidate, { queue: string; limit: number }>(nextOfQueue);
	const due = database.query<Candidate, { now: number; limit: number }>(dueOfAll);
	const expired = database.query<{ id: string }, { now: number; limit: number }>(expiredLeases);
	const insert = db.insert(jobs).values(allColumns).prepare();
	const update = updateHeld(db);
	const count = counting(db);

	const rowsOf = (found: readonly { readonly id: string }[]) =>
		found.flatMap(({ id }) => byId.get({ id }) ?? []);

	return {
		find: (id) => byId.get({ id }),
		findUnfinished: (queue, uniqueKey) => byKey.get({ queue, uniqueKey }),
		leasable(queues, limit, now) {
			const wanted = new Set(queues);
			const candidates = [...wanted].flatMap((queue) => nextOf.all({ queue, limit }));
			candidates.push(...due.all({ now, limit }).filter(({ queue }) => wanted.has(queue)));
			const chosen = candidates.sort(inOrderOfLease).slice(0, limit);
			return rowsOf(chosen);
		},
		due: (limit, now) => rowsOf(due.all({ now, limit })),
		expired: (limit, now) => rowsOf(expired.all({ now, limit })),
		insert(row) {
			insert.run({ ...row });
			count(row.queue, { [row.state]: 1 });
		},
		update(held, next) {
			if (update.get({ ...next, heldFence: held.fence }) === undefined) {
				throw new Error(`job ${held.id} is not under fence ${held.fence} any more`);
			}
			if (held.state !== next.state) count(held.queue, { [held.state]: -1, [next.state]: 1 });
		},
	};
}

type Candidate = Pick<JobRow, "id" | "queue" | "priority" | "runAt">;

function inOrderOfLease(a: Candidate, b: Candidate): number {
	return b.priority - a.priority || a.runAt - b.runAt || (a.id < b.id ? -1 : 1);
}

/**
 * Each statement names its index: SQLite's planner takes an equality on any index to leave ten rows, and so would
 * rather sort all jobs of a state than read the front of the short index that is in the wanted order. `+$queue` and
 * `abs($limit)` hide the parameters from it: it makes a new plan for each value that it sees, 17 µs instead of 5.
 */
export const nextOfQueue = `SELECT id, queue, priority, run_at AS runAt FROM jobs INDEXED BY jobs_leasable
	WHERE queue = +$queue AND state = 'queued' ORDER BY priority DESC, run_at, id LIMIT abs($limit)`;
export const dueOfAll = `SELECT id, queue, priority, run_at AS runAt FROM jobs INDEXED BY jobs_due
	WHERE state = 'scheduled' AND run_at <= $now ORDER BY run_at LIMIT abs($limit)`;
export const expiredLeases = `SELECT id FROM jobs INDEXED BY jobs_expiring
	WHERE state = 'leased' AND lease_expires_at <= $now ORDER BY lease_expires_at LIMIT abs($limit)`;

/** What an update may change. */
const mutableColumns = {
	state: value("state"),
	attempt: value("attempt"),
	fence: value("fence"),
	settledFence: value("settledFence"),
	runAt: value("runAt"),
	worker: value("worker"),
	leaseExpiresAt: value("leaseExpiresAt"),
	leaseSeconds: value("leaseSeconds"),
	progress: value("progress"),
	result: value("result"),
	error: value("error"),
	updatedAt: value("updatedAt"),
};

const allColumns = {
	...mutableColumns,
	id: value("id"),
	queue: value("queue"),
	kind: value("kind"),
	payload: value("payload"),
	priority: value("priority"),
	maxAttempts: value("maxAttempts"),
	uniqueKey: value("uniqueKey"),
	createdAt: value("createdAt"),
};

function value(name: keyof JobRow) {
	return sql`${sql.placeholder(name)}`;
}

function updateHeld(db: Db) {
	return db
		.update(jobs)
		.set(mutableColumns)
		.where(and(eq(jobs.id, sql.placeholder("id")), eq(jobs.fence, sql.placeholder("heldFence"))))
		.returning({ id: jobs.id })
		.prepare();
}

type Differences = { readonly [State in JobState]?: number };

/** Adds differences to a queue's counts. */
function counting(db: Db): (queue: string, differences: Differences) => void {
	const add = db
		.insert(jobCounts)
		.values({
			queue: sql.placeholder("queue"),
			cancelled: sql.placeholder("cancelled"),
			dead: sql.placeholder("dead"),
			leased: sql.placeholder("leased"),
			queued: sql.placeholder("queued"),
			scheduled: sql.placeholder("scheduled"),
			succeeded: sql.placeholder("succeeded"),
		})
		.onConflictDoUpdate({
			target: jobCounts.queue,
			set: {
				cancelled: sql`cancelled + excluded.cancelled`,
				dead: sql`dead + excluded.dead`,
				leased: sql`leased + excluded.leased`,
				queued: sql`queued + excluded.queued`,
				scheduled: sql`scheduled + excluded.scheduled`,
				succeeded: sql`succeeded + excluded.succeeded`,
			},
		})
		.prepare();
	const none = { cancelled: 0, dead: 0, leased: 0, queued: 0, scheduled: 0, succeeded: 0 };
	return (queue, differences) => void add.run({ ...none, ...differences, queue });
}

/** The database's clock, in milliseconds. */
export function databaseClock(db: Db): () => number {
	const now = sql<number>`CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`;
	const read = db.select({ now }).from(sql`(SELECT 1)`).prepare();
	return () => {
		const row = read.get();
		if (row === undefined) throw new Error("the database has no clock");
		return row.now;
	};
}
