import { AppError, type Fault, validationError } from "../kernel/errors.ts";
import { idempotencyReads, once } from "../kernel/idempotency.ts";
import type { Unit } from "../kernel/unit-of-work.ts";
import type { CreateBatch, NewBatchItem } from "./commands.ts";
import { type Added, addTasks, readsOfAdding, textLengthOf } from "./creation.ts";
import { newFields } from "./fields.ts";
import type { NewTask } from "./schema.ts";

/** The tasks that a batch has made; their bodies unless it is a repeat. */
export interface MadeBatch {
	readonly ids: readonly string[];
	readonly bodies: readonly string[] | undefined;
	readonly replayed: boolean;
}

/** All or none. Throws `validation_error` with every fault of every task. */
export function createTasks(change: CreateBatch): Unit<MadeBatch> {
	const { idempotent, context } = change;
	const added = addedTasks(change);
	return {
		space: context.space,
		reads: [readsOfAdding(added, context.space), ...idempotencyReads(idempotent)],
		weight: added.length,
		textLength: added.reduce((sum, { fields }) => sum + textLengthOf(fields), 0),
		decide(work) {
			let bodies: readonly string[] | undefined;
			const made = once(work, idempotent, () => {
				bodies = addTasks(work, added, change).map(({ body }) => body);
				return { ids: added.map(({ id }) => id) };
			});
			return { ...made, bodies };
		},
	};
}

function addedTasks({ tasks, author }: CreateBatch): readonly Added[] {
	const faults: Fault[] = [];
	const added = tasks.flatMap(({ id, task }, index) => {
		const path = `/tasks/${index}`;
		const resolved = withIds(task, tasks.slice(0, index), path, faults);
		const fields = faultsKept(faults, () => newFields(id, resolved, author, path));
		return fields === undefined ? [] : [{ id, fields, path }];
	});
	if (faults.length > 0) throw validationError(faults);
	return added;
}

/** With an id in place of each `#n`, which is the place of an earlier task of the batch. */
function withIds(task: NewTask, earlier: readonly NewBatchItem[], path: string, faults: Fault[]): NewTask {
	function idOf(name: string, place: string): string {
		if (!name.startsWith("#")) return name;
		const id = /^#(0|[1-9]\d*)$/.test(name) ? earlier[Number(name.slice(1))]?.id : undefined;
		if (id === undefined) {
			faults.push({ message: "must be the place of an earlier task of the batch", path: `${path}${place}` });
		}
		return id ?? name;
	}
	const { blocked_by, parent } = task;
	return {
		...task,
		...(blocked_by && { blocked_by: blocked_by.map((name, index) => idOf(name, `/blocked_by/${index}`)) }),
		...(typeof parent === "string" && { parent: idOf(parent, "/parent") }),
	};
}

/** What `run` gives; the faults that it throws are added to the others. */
function faultsKept<T>(faults: Fault[], run: () => T): T | undefined {
	try {
		return run();
	} catch (error) {
		if (!(error instanceof AppError) || error.details.faults === undefined) throw error;
		faults.push(...error.details.faults);
		return undefined;
	}
}
