import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { newId } from "../../src/kernel/ids.ts";
import { tasks } from "../../src/tasks/collection.ts";
import { pageBounds } from "../../src/tasks/list-query.ts";
import { Search, wordsOf } from "../../src/tasks/search.ts";
import {
	isReady,
	type TaskFilter,
	type TaskPage,
	type TaskPageQuery,
	type TaskPlace,
	type TaskRow,
	taskSorts,
	taskStatuses,
} from "../../src/tasks/store.ts";
import { hold } from "../generated/seed.ts";
import { systemContext } from "../support/context.ts";
import type { TestStorage } from "../support/storage.ts";
import { pageQuery } from "../support/task-pages.ts";

const [first, second] = [newId(), newId()] as const;
const names = ["ann", "bob", "ANN"] as const;
const labels = ["a", "b", "A", "é", "e\u0301", ",", '"', "a,b"] as const;
const words = ["courier", "Choose", "offer", "Größe", "漢字", "ﬁne"] as const;

/** Few values, so that tasks share them. */
const fields = fc.record({
	space: fc.constantFrom(1, 1, 1, 2),
	status: fc.constantFrom(...taskStatuses),
	statusSince: fc.integer({ min: 1, max: 4 }),
	priority: fc.integer({ min: -2, max: 2 }),
	rank: fc.constantFrom("a", "b", "Z", "am"),
	assignee: fc.constantFrom(null, ...names),
	claimedBy: fc.constantFrom(null, null, "ann"),
	parent: fc.constantFrom(null, null, first, second),
	blockedBy: fc.subarray([first, second].sort()).map((ids) => JSON.stringify(ids)),
	openBlockers: fc.integer({ min: 0, max: 1 }),
	labels: fc.subarray([...labels]).map((some) => JSON.stringify(some.toSorted())),
	title: fc.subarray([...words], { minLength: 1 }).map((some) => some.join(" ")),
	description: fc.subarray([...words]).map((some) => some.join("-")),
	dueAt: fc.constantFrom(null, null, 1, 2, 3),
	deferUntil: fc.constantFrom(null, null, null, 5),
	etag: fc.constantFrom(null, '"e"'),
});

const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });

const filter = fc.record({
	statuses: some(fc.subarray([...taskStatuses], { minLength: 1 })),
	labels: some(fc.subarray([...labels, "none"], { maxLength: 2 })),
	assignee: some(fc.constantFrom(null, ...names, "nobody")),
	claimedBy: some(fc.constantFrom(null, "ann", "bob")),
	parent: some(fc.constantFrom(null, first, newId())),
	blockedBy: some(fc.constantFrom(null, first, newId())),
	dueBefore: some(fc.integer({ min: 0, max: 4 })),
	number: some(fc.integer({ min: 1, max: 40 })),
	isReady: fc.boolean(),
	q: some(fc.constantFrom("cour", "fi ch", "große", "größe", "字", "r", "zz")),
});
type Drawn<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Wanted = Partial<Drawn<typeof filter>>;

/** Most of the filters left out, as all of them at once find nothing. */
const wanted = fc
	.tuple(
		filter,
		fc.subarray(
			[
				"statuses",
				"labels",
				"assignee",
				"claimedBy",
				"parent",
				"blockedBy",
				"dueBefore",
				"number",
				"isReady",
				"q",
			] as const,
			{ maxLength: 2 },
		),
	)
	.map(([all, kept]): Wanted => Object.fromEntries(kept.map((name) => [name, all[name]])));

const shape = fc.record({
	space: fc.constantFrom(1, 1, 1, 2, 3),
	sort: fc.constantFrom(...taskSorts),
	order: fc.constantFrom("asc" as const, "desc" as const),
	limit: fc.constantFrom(1, 3, 7, 100),
	isBrief: fc.boolean(),
	rowsMax: fc.constantFrom(1, 4, 9, 10_000),
	costlyRowsMax: fc.constantFrom(1, 8, 5_000),
	bytesMax: fc.constantFrom(1, 2000, 4 * 1024 * 1024),
	stepsMax: fc.constantFrom(1, 100, 5 * 1024 * 1024),
});

/** Adds tasks, and changes some of them once more. Returns the rows as they are then. */
async function fill(
	storage: TestStorage,
	drafts: readonly Drawn<typeof fields>[],
	changed: readonly number[],
): Promise<TaskRow[]> {
	const rows = await Promise.all(drafts.map((draft) => insert(storage, draft)));
	for (const index of changed) {
		const row = rows[index % Math.max(1, rows.length)];
		if (row !== undefined) rows[rows.indexOf(row)] = await touch(storage, row);
	}
	return rows;
}

const event = { ...systemContext, data: "{}", time: 1 };

function insert({ run }: TestStorage, draft: Drawn<typeof fields>): Promise<TaskRow> {
	const id = newId();
	const { space } = draft;
	return run({
		space,
		reads: [tasks.reads({ ids: [id], numbers: { space, count: 1 } })],
		decide(work) {
			const rows = work.rows(tasks);
			const seq = work.append({ ...event, space, type: "task.created", subject: `/collab/tasks/${id}` });
			const always = { version: 1, createdBy: null, metadata: "{}", note: null, createdAt: 1, updatedAt: 1 };
			const row = { ...draft, ...always, id, seq, updatedSeq: seq, number: rows.nextNumber(space) };
			rows.insert(row);
			return row;
		},
	});
}

function touch({ run }: TestStorage, { id, space }: TaskRow): Promise<TaskRow> {
	return run({
		space,
		reads: [tasks.reads({ ids: [id] })],
		decide(work) {
			const rows = work.rows(tasks);
			const row = rows.find(id);
			if (row === undefined) throw new Error("no such task");
			const updatedSeq = work.append({
				...event,
				space,
				type: "task.updated",
				subject: `/collab/tasks/${id}`,
			});
			const next = { ...row, updatedSeq, version: row.version + 1 };
			rows.update(row, next);
			return next;
		},
	});
}

function admits({ q, ...wanted }: Wanted, row: TaskRow): boolean {
	const has = (list: string, value: string) => (JSON.parse(list) as string[]).includes(value);
	const is = <T>(value: T, expected: T | undefined) => expected === undefined || value === expected;
	return (
		(wanted.statuses?.includes(row.status) ?? true) &&
		(wanted.labels ?? []).every((label) => has(row.labels, label)) &&
		is(row.assignee, wanted.assignee) &&
		is(row.claimedBy, wanted.claimedBy) &&
		is(row.parent, wanted.parent) &&
		is(row.number, wanted.number) &&
		(wanted.blockedBy === undefined ||
			(wanted.blockedBy === null ? row.blockedBy === "[]" : has(row.blockedBy, wanted.blockedBy))) &&
		(wanted.dueBefore === undefined || (row.dueAt !== null && row.dueAt < wanted.dueBefore)) &&
		(!wanted.isReady || isReady(row)) &&
		(q === undefined || new Search(wordsOf(q)).matches(row.title, row.description))
	);
}

function inOrder(
	rows: readonly TaskRow[],
	{ sort, order }: Pick<TaskPageQuery, "sort" | "order">,
): TaskRow[] {
	const code = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
	const newest = (a: TaskRow, b: TaskRow) => b.seq - a.seq;
	const compare = {
		created: newest,
		updated: (a: TaskRow, b: TaskRow) => b.updatedSeq - a.updatedSeq,
		priority: (a: TaskRow, b: TaskRow) => b.priority - a.priority || code(a.rank, b.rank) || a.seq - b.seq,
		status_since: (a: TaskRow, b: TaskRow) => b.statusSince - a.statusSince || newest(a, b),
	}[sort];
	const sorted = rows.toSorted(compare);
	return order === "desc" ? sorted : sorted.toReversed();
}

/** The filter as a page takes it: with a search of its own, which counts its steps. */
function filterOf({ q, ...rest }: Wanted): TaskFilter {
	return { ...rest, search: q === undefined ? undefined : new Search(wordsOf(q)) };
}

/** Every page of a list. */
async function pagesOf(
	{ tasks: store }: TestStorage,
	query: TaskPageQuery,
	asked: Wanted,
): Promise<TaskPage[]> {
	const pages: TaskPage[] = [];
	for (let after: TaskPlace | undefined; ; ) {
		const page = await store.list({ ...query, filter: filterOf(asked), after });
		pages.push(page);
		if (page.next === undefined) return pages;
		if (pages.length > 200) throw new Error("the list does not end");
		after = page.next;
	}
}

/** The contract of lists of tasks on every database: the pages of any list are what a plain filter and sort give. */
export function taskListContract(open: () => Promise<TestStorage>): void {
	describe("lists of tasks", () => {
		test("any filters, in any order, page by page, are what they are in memory", async () => {
			const storage = await open();
			const rows: TaskRow[] = [];
			const values = fc.tuple(
				fc.array(fields, { maxLength: 6 }),
				fc.array(fc.nat(5), { maxLength: 3 }),
				wanted,
				shape,
			);

			async function check([drafts, changed, asked, asHow]: Drawn<typeof values>): Promise<void> {
				const { sort, order, limit, isBrief, space, ...bounds } = asHow;
				if (rows.length < 60) rows.push(...(await fill(storage, drafts, changed)));
				const query = pageQuery({ sort, order, limit, isBrief, space, bounds });
				const pages = await pagesOf(storage, query, asked);
				const ofSpace = rows.filter((row) => row.space === space && admits(asked, row));
				const shown = (row: TaskRow) =>
					isBrief && row.etag !== null ? { ...row, description: "", metadata: "" } : row;
				expect(pages.flatMap((page) => page.rows)).toEqual(inOrder(ofSpace, query).map(shown));
				for (const page of pages) {
					expect(page.rows.length).toBeLessThanOrEqual(limit);
					// Rows are of 600 bytes and more.
					expect(page.rows.length).toBeLessThanOrEqual(Math.max(1, Math.ceil(bounds.bytesMax / 600)));
				}
			}

			let running: Promise<void> | undefined;
			await hold("lists", values, (drawn) => (running = check(drawn)), 400);
			// When its time is over, the last run is not waited for.
			await running;
		});

		test("a page looks at so many rows at most, and says where to go on though it found nothing", async () => {
			const storage = await open();
			const draft = fc.sample(fields, 1)[0];
			if (draft === undefined) throw new Error("no sample");
			const few = {
				...draft,
				space: 1 as const,
				labels: "[]",
				status: "open" as const,
				assignee: null,
				claimedBy: "ann" as const,
			};
			await fill(
				storage,
				Array.from({ length: 30 }, () => few),
				[],
			);
			await fill(storage, [{ ...few, labels: '["rare"]', assignee: "ann" }], []);
			const bounds = { ...pageBounds, rowsMax: 10, costlyRowsMax: 10 };
			const list = (more: Partial<TaskPageQuery>) =>
				storage.tasks.list(pageQuery({ order: "asc", bounds, ...more }));
			const empty = await list({ filter: { claimedBy: null, statuses: ["open"] } });
			expect(empty).toMatchObject({ rows: [], next: [10] });
			expect(await list({ filter: { statuses: ["done"] } })).toMatchObject({ rows: [], next: undefined });
			// What an index finds is found at once, wherever it stands.
			const rare = await list({ filter: { labels: ["rare"] } });
			expect([rare.rows.map(({ seq }) => seq), rare.next]).toEqual([[31], undefined]);
			const hers = await list({ filter: { assignee: "ann" }, sort: "priority" });
			expect([hers.rows.map(({ seq }) => seq), hers.next]).toEqual([[31], undefined]);
		});

		test("what no task can have is an empty page with its revision", async () => {
			const storage = await open();
			await storage.tasks.revision(1);
			const page = await storage.tasks.list(pageQuery({ filter: "nothing" }));
			expect(page).toEqual({ rows: [], next: undefined, revision: { rev: 0, tasksRev: 0 } });
		});

		test("tasks are counted by status", async () => {
			const storage = await open();
			const zero = { open: 0, in_progress: 0, waiting: 0, done: 0, cancelled: 0 };
			expect(await storage.tasks.stats(1)).toEqual({ counts: zero, revision: { rev: 0, tasksRev: 0 } });
			const draft = fc.sample(fields, 1)[0];
			if (draft === undefined) throw new Error("no sample");
			await fill(
				storage,
				(["open", "open", "done"] as const).map((status) => ({ ...draft, space: 1, status })),
				[],
			);
			await fill(storage, [{ ...draft, space: 2, status: "waiting" }], []);
			expect(await storage.tasks.stats(1)).toEqual({
				counts: { ...zero, open: 2, done: 1 },
				revision: { rev: 4, tasksRev: 3 },
			});
			expect((await storage.tasks.stats(3)).counts).toEqual(zero);
		});
	});
}
