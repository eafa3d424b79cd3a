import type { Database } from "bun:sqlite";
import { eq, sql } from "drizzle-orm";
import { inSpace, type SpaceId } from "../../../kernel/space.ts";
import {
	tasks as collection,
	type TaskBlockerRow,
	type TaskCountRow,
	type TaskLabelRow,
	type TaskNumberRow,
	type TaskRevision,
	type TaskRow,
	type TaskRows,
	type TaskStats,
	type TaskStore,
} from "../../../tasks/store.ts";
import { countsByStatus, countsOfSpace } from "../../collections/task-stats.ts";
import { type Registration, RowsInPlace, type StoreContext, unitsOf } from "../collection.ts";
import type { Db } from "../connection.ts";
import { TableStatements } from "../table-statements.ts";
import { taskPages } from "./task-lists.ts";
import { TaskNumbers } from "./task-numbers.ts";
import {
	taskBlockerTable,
	taskCountTable,
	taskLabelTable,
	taskNumberTable,
	taskTable,
} from "./task-tables.ts";

export const tasks = {
	tables: {
		tasks: taskTable,
		taskLabels: taskLabelTable,
		taskBlockers: taskBlockerTable,
		taskCounts: taskCountTable,
		taskNumbers: taskNumberTable,
	},
	units: unitsOf(collection, (database: Database, db: Db) => new TaskRowsInPlace(database, db)),
	store: taskStore,
} satisfies Registration<
	TaskStore,
	{
		tasks: TaskRow;
		taskLabels: TaskLabelRow;
		taskBlockers: TaskBlockerRow;
		taskCounts: TaskCountRow;
		taskNumbers: TaskNumberRow;
	}
>;

class TaskRowsInPlace extends RowsInPlace implements TaskRows {
	readonly #byId;
	readonly #statements;
	readonly #numbers;

	constructor(database: Database, db: Db) {
		super();
		this.#numbers = new TaskNumbers(database);
		this.#byId = taskById(db);
		this.#statements = new TableStatements(database, taskTable, {
			key: "id",
			fixed: ["seq", "space", "number", "createdBy", "createdAt"],
		});
	}

	find(id: string): TaskRow | undefined {
		return this.#byId.get({ id });
	}

	nextNumber(space: SpaceId): number {
		this.wrote({ space });
		return this.#numbers.take(space);
	}

	insert(row: TaskRow): void {
		this.wrote(row);
		this.#statements.insert(row);
	}

	update(row: TaskRow): void {
		this.wrote(row);
		this.#statements.update(row);
	}

	remove(row: TaskRow): void {
		this.wrote(row);
		this.#statements.remove(row);
	}

	override begin(): void {
		super.begin();
		this.#numbers.begin();
	}

	override keep(): void {
		super.keep();
		this.#numbers.keep();
	}

	override undo(): void {
		super.undo();
		this.#numbers.undo();
	}

	override write(): void {
		this.#numbers.write();
	}
}

function taskStore({ database, db, read, readNow, changeCounter }: StoreContext): TaskStore {
	const byId = taskById(db);
	const readRevision = database.query<TaskRevision, [SpaceId]>(`SELECT rev, coalesce(
		(SELECT rev FROM revisions WHERE space = ? AND collection = 'tasks'), 0) AS "tasksRev" FROM log_head`);
	function storedRevision(space: SpaceId): TaskRevision {
		const found = readRevision.get(space);
		if (found === null) throw new Error("the log has no head");
		return found;
	}
	/** Of the spaces that were asked for since the last commit. */
	const revisions = new Map<SpaceId, TaskRevision>();
	let countAt = -1;
	function currentRevision(space: SpaceId): TaskRevision {
		const count = changeCounter();
		if (count !== countAt) revisions.clear();
		countAt = count;
		const revision = revisions.get(space) ?? storedRevision(space);
		revisions.set(space, revision);
		return revision;
	}
	const page = taskPages(database, storedRevision);
	const counted = database.query<TaskCountRow, [SpaceId]>(countsOfSpace);
	const stats = database.transaction(
		(space: SpaceId): TaskStats => ({
			counts: countsByStatus(counted.all(space)),
			revision: storedRevision(space),
		}),
	);
	return {
		find: (space, id) => read(() => inSpace(space, byId.get({ id }))),
		list: (query) => read(() => page(query)),
		stats: (space) => read(() => stats.deferred(space)),
		revision: (space) => readNow(() => currentRevision(space)),
	};
}

function taskById(db: Db) {
	return db
		.select()
		.from(taskTable)
		.where(eq(taskTable.id, sql.placeholder("id")))
		.prepare();
}
