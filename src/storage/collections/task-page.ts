import type { Table } from "drizzle-orm";
import { allResolved, bothResolved, type MaybePromise, whenResolved } from "../../kernel/maybe-promise.ts";
import type { SpaceId } from "../../kernel/space.ts";
import type {
	TaskPage,
	TaskPageQuery,
	TaskPlace,
	TaskRevision,
	TaskRow,
	TextSearch,
} from "../../tasks/store.ts";
import { columnsOf } from "../table-columns.ts";
import { type Filter, filtersOf, setsOf, type TaskSet } from "./task-filters.ts";
import {
	type Condition,
	comparePlaces,
	orderBy,
	orderOf,
	type SortOrder,
	whereAfter,
} from "./task-orders.ts";
import { rowsOf, type Stream, streamsOf } from "./task-streams.ts";

/**
 * How a page of tasks is found, the same on both databases: which rows are looked at, in what order, and where it ends,
 * so that pages have the same bytes. Where the tasks that one of the filters admits are few, as its index tells, all of
 * them are looked at and sorted. Else rows are looked at in the order of the list, up to a bound.
 */
export function* taskPage(query: TaskPageQuery): Program<TaskPage> {
	const { places, next } = yield* placesOf(query);
	const seqs = places.map(({ seq }) => seq);
	// In one flight: all of it is one snapshot.
	const [rows, revision] = yield* ask((reader) =>
		bothResolved(seqs.length === 0 ? [] : reader.rows(seqs, query.isBrief), reader.revision(query.space)),
	);
	const bySeq = new Map(rows.map((row) => [row.seq, row]));
	return { rows: seqs.flatMap((seq) => bySeq.get(seq) ?? []), next, revision };
}

/** Where the tasks of the page are, and where to go on. */
export interface PagePlaces {
	readonly places: readonly Found[];
	readonly next: TaskPlace | undefined;
}

function* placesOf(query: TaskPageQuery): Program<PagePlaces> {
	const { filter } = query;
	if (filter === "nothing") return { places: [], next: undefined };
	const candidates = yield* matchesOf(query, filter);
	return cut(
		query,
		filter.search === undefined ? candidates : yield* searched(query, filter.search, candidates),
	);
}

/** What a page reads by, within one snapshot of the database. */
export interface TaskReader {
	revision(space: SpaceId): MaybePromise<TaskRevision>;
	/** Rows of a statement, which has a `?` for each value. */
	select<Row>(text: string, values: readonly (number | string)[]): MaybePromise<readonly Row[]>;
	rows(seqs: readonly number[], isBrief: boolean): MaybePromise<readonly TaskRow[]>;
	texts(seqs: readonly number[], isBrief: boolean): MaybePromise<readonly TaskTexts[]>;
	/** Makes a statement use an index. */
	readonly using: (index: string) => string;
}

export interface TaskTexts {
	readonly seq: number;
	readonly title: string;
	readonly description: string;
	/** Of the whole row, in bytes. */
	readonly size: number;
}

/** A sequence of reads, each of which may depend on those before it; for a reader that waits, and one that does not. */
export type Program<T> = Generator<Step, T, void>;
type Step = (reader: TaskReader) => MaybePromise<void>;

function* ask<T>(question: (reader: TaskReader) => MaybePromise<T>): Program<T> {
	const answers: T[] = [];
	yield (reader) =>
		whenResolved(question(reader), (answer) => {
			answers.push(answer);
		});
	for (const answer of answers) return answer;
	throw new Error("the program went on before its read was done");
}

/** How long a row is in a response, nearly: the texts in it and what is always there. */
export function sizeSql(isBrief: boolean): string {
	const always =
		"600 + octet_length(title) + octet_length(labels) + octet_length(blocked_by) + coalesce(octet_length(note), 0)";
	const texts = "octet_length(description) + octet_length(metadata)";
	return `${always} + ${isBrief ? `CASE WHEN etag IS NULL THEN ${texts} ELSE 0 END` : texts}`;
}

/** All columns, without the texts that a brief list leaves out; a row without an ETag has them, to have one made. */
export function briefSelection(table: Table): string {
	return columnsOf(table)
		.map(({ field, name }) =>
			name === "description" || name === "metadata"
				? `CASE WHEN etag IS NULL THEN ${name} ELSE '' END AS "${field}"`
				: `${name} AS "${field}"`,
		)
		.join(", ");
}

export interface Found {
	readonly seq: number;
	readonly place: TaskPlace;
	readonly size: number;
}

export interface Matches {
	/** In the order of the list. */
	readonly found: readonly Found[];
	/** Up to where rows were looked at; undefined: up to the end of the list. */
	readonly end: TaskPlace | undefined;
}

export function cut({ limit, bounds }: TaskPageQuery, { found, end }: Matches): PagePlaces {
	let bytes = 0;
	let count = 0;
	for (const { size } of found) {
		if (count === limit || bytes >= bounds.bytesMax) break;
		bytes += size;
		count++;
	}
	const places = found.slice(0, count);
	return { places, next: count < found.length ? places.at(-1)?.place : end };
}

/** The tasks that all filters but the search admit: as many as the page can take, and one more. */
function* matchesOf(
	query: TaskPageQuery,
	filter: Exclude<TaskPageQuery["filter"], "nothing">,
): Program<Matches> {
	const { space, limit, bounds } = query;
	const isSearch = filter.search !== undefined;
	const scan = new Scan(query, filtersOf(filter), isSearch ? bounds.costlyRowsMax : limit + 1);
	const set = yield* smallestOf(setsOf(space, filter), bounds.costlyRowsMax);
	if (set !== undefined) return { found: yield* ask((reader) => scan.set(reader, set)), end: undefined };
	const streams = streamsOf(query, filter);
	const rowsMax = Math.ceil((isSearch ? bounds.costlyRowsMax : bounds.rowsMax) / streams.length);
	const read = yield* ask((reader) =>
		allResolved(streams.map((stream) => scan.stream(reader, stream, rowsMax))),
	);
	const order = orderOf(query);
	const [end] = read
		.flatMap((matches) => (matches.end === undefined ? [] : [matches.end]))
		.sort((a, b) => comparePlaces(order, a, b));
	const found = read
		.flatMap((matches) => matches.found)
		.filter(({ place }) => end === undefined || comparePlaces(order, place, end) <= 0)
		.sort((a, b) => comparePlaces(order, a.place, b.place));
	return { found, end };
}

/** Of the sets with at most so many tasks, the one with the fewest. */
function* smallestOf(sets: readonly TaskSet[], rowsMax: number): Program<TaskSet | undefined> {
	if (sets.length === 0) return undefined;
	const counts = yield* ask((reader) =>
		allResolved(
			sets.map(({ table, index, text, values }) =>
				reader.select<{ readonly count: number }>(
					`SELECT count(*) AS count FROM (SELECT 1 FROM ${table}${reader.using(index)} WHERE ${text} LIMIT ${rowsMax + 1}) AS counted`,
					values,
				),
			),
		),
	);
	const sized = sets.map((set, index) => ({ set, count: Number(counts[index]?.[0]?.count) }));
	const [smallest] = sized.filter(({ count }) => count <= rowsMax).sort((a, b) => a.count - b.count);
	return smallest?.set;
}

/** Reads what filters admit of a set, or of a stream. */
class Scan {
	constructor(
		private readonly query: TaskPageQuery,
		private readonly filters: readonly Filter[],
		private readonly wanted: number,
	) {}

	/** All of the set is fetched before it is sorted, or Postgres might go through all tasks in their order. */
	set(reader: TaskReader, set: TaskSet): MaybePromise<readonly Found[]> {
		const order = orderOf(this.query);
		const behind = whereAfter(order, this.query.after);
		const { table, index, join } = set;
		const members = join === undefined ? [set] : [set, join];
		const from = `${table}${reader.using(index)}${join === undefined ? "" : " CROSS JOIN tasks"}`;
		const conditions = [...this.filters, behind];
		const text = `WITH looked AS MATERIALIZED (SELECT ${columnsFor(order, this.filters, "tasks.")} FROM ${from} WHERE ${allOf(members)})
			SELECT ${this.#selected(order)} FROM looked WHERE ${allOf(conditions)} ORDER BY ${orderBy(order)} LIMIT ${this.wanted}`;
		return read(reader, order, text, valuesOf([...members, ...conditions]));
	}

	/** Looks at so many rows at most, and only until enough match. */
	stream(reader: TaskReader, stream: Stream, rowsMax: number): MaybePromise<Matches> {
		const { order } = stream;
		const filters = [...stream.filters, ...this.filters];
		const from = rowsOf(stream, reader.using);
		const values = [this.query.space, ...stream.values];
		const text = `SELECT ${this.#selected(order)} FROM (SELECT ${columnsFor(order, filters)} ${from} LIMIT ${rowsMax}) AS looked
			WHERE ${allOf(filters)} LIMIT ${this.wanted}`;
		const found = read(reader, order, text, [...values, ...valuesOf(filters)]);
		return whenResolved(found, (matching) => {
			if (matching.length === this.wanted) return { found: matching, end: matching.at(-1)?.place };
			const isAll = filters.length === 0 && matching.length < rowsMax;
			if (isAll) return { found: matching, end: undefined };
			const last = `SELECT ${columnsFor(order, [])} ${from} LIMIT 1 OFFSET ${rowsMax - 1}`;
			return whenResolved(reader.select<PlaceRow>(last, values), ([row]) => ({
				found: matching,
				end: row && placeIn(order, row),
			}));
		});
	}

	#selected(order: SortOrder): string {
		const { filter, isBrief } = this.query;
		const isSearch = filter !== "nothing" && filter.search !== undefined;
		// A search learns the size with the texts.
		const size = isSearch
			? "0"
			: `(SELECT ${sizeSql(isBrief)} FROM tasks AS sized WHERE sized.seq = looked.seq)`;
		return `${columnsFor(order, [])}, ${size} AS size`;
	}
}

type PlaceRow = { readonly [column: string]: number | string };

function read(
	reader: TaskReader,
	order: SortOrder,
	text: string,
	values: readonly (number | string)[],
): MaybePromise<readonly Found[]> {
	return whenResolved(reader.select<PlaceRow & Found>(text, values), (rows) =>
		rows.map((row) => ({ seq: row.seq, place: placeIn(order, row), size: row.size })),
	);
}

function placeIn(order: SortOrder, row: PlaceRow): TaskPlace {
	return order.map(({ name }) => row[name] ?? 0);
}

/** What an order and filters look at. */
function columnsFor(order: SortOrder, filters: readonly Filter[], table = ""): string {
	const names = ["seq", ...order.map(({ name }) => name), ...filters.flatMap(({ columns }) => columns)];
	return [...new Set(names)].map((name) => `${table}${name}`).join(", ");
}

function valuesOf(conditions: readonly Condition[]): readonly (number | string)[] {
	return conditions.flatMap(({ values }) => values);
}

function allOf(conditions: readonly Condition[]): string {
	return conditions.length === 0 ? "true" : conditions.map(({ text }) => text).join(" AND ");
}

/** How many texts are read at a time. */
const textsMax = 500;

function* searched(
	{ limit, isBrief, bounds }: TaskPageQuery,
	search: TextSearch,
	{ found, end }: Matches,
): Program<Matches> {
	const matching: Found[] = [];
	for (let start = 0; start < found.length; start += textsMax) {
		const batch = found.slice(start, start + textsMax);
		const seqs = batch.map(({ seq }) => seq);
		const texts = yield* ask((reader) => reader.texts(seqs, isBrief));
		const bySeq = new Map(texts.map((text) => [text.seq, text]));
		for (const { seq, place } of batch) {
			const text = bySeq.get(seq);
			if (text === undefined) throw new Error(`task ${seq} has no text`);
			if (search.matches(text.title, text.description)) matching.push({ seq, place, size: text.size });
			if (matching.length > limit) return { found: matching, end };
			if (search.steps >= bounds.stepsMax) return { found: matching, end: place };
		}
	}
	return { found: matching, end };
}

/** Runs a program whose reader never waits. */
export function runNow<T>(program: Program<T>, reader: TaskReader): T {
	for (;;) {
		const next = program.next();
		if (next.done) return next.value;
		next.value(reader);
	}
}

export async function run<T>(program: Program<T>, reader: TaskReader): Promise<T> {
	for (;;) {
		const next = program.next();
		if (next.done) return next.value;
		await next.value(reader);
	}
}
