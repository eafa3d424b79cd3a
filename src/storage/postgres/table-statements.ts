import { getTableName, type Table } from "drizzle-orm";
import {
	columnsOf,
	type Field,
	type Plain,
	type StatementSpec,
	selection,
	shortened,
	type TableColumn,
} from "../table-columns.ts";
import { arrayText, joinedJson, jsonTexts } from "./array-text.ts";
import type { Fragment, Sql, Tx } from "./connection.ts";
import { type HeadOfGroup, numbersAsTheyAre } from "./head-of-group.ts";
import type { RowChanges } from "./identity-map.ts";

export interface NumberedSpec<Row> extends StatementSpec<Row> {
	/** Columns that hold the number of the event that inserted the row. */
	readonly numbered?: readonly Field<Row>[];
	/** Columns that hold JSON without control characters, and never null. */
	readonly json?: readonly Field<Row>[];
}

/** A column as the statements write it. */
interface Column<Row> extends TableColumn<Row> {
	readonly isJson: boolean;
}

/**
 * The statements of a table for many rows at once, made from its columns: a column is written in the table alone. Their
 * texts are made once, so they are prepared once. Each statement can be a part of another one.
 */
export class TableStatements<Row extends Plain<Row>> {
	readonly #columns: readonly Column<Row>[];
	readonly #updated: readonly Column<Row>[];
	readonly #selection: string;
	readonly #insert: TemplateStringsArray;
	readonly #short: ReturnType<typeof shortened<Row, Column<Row>>>;
	readonly #insertShort: TemplateStringsArray;
	readonly #update: TemplateStringsArray;
	readonly #remove: TemplateStringsArray;

	constructor(
		table: Table & { readonly $inferSelect: Row },
		private readonly spec: NumberedSpec<Row>,
	) {
		const { key, fixed, numbered = [], json = [], guard } = spec;
		const name = getTableName(table);
		const named = (field: string | undefined) => this.#columns.filter((column) => column.field === field);
		this.#columns = columnsOf<Row>(table).map((column) => ({
			...column,
			isJson: json.includes(column.field),
		}));
		this.#updated = this.#columns.filter(({ field }) => field === key || !fixed.includes(field));
		this.#selection = selection(table);
		const isNumbered = ({ field }: Column<Row>) => numbered.includes(field);
		const insert = (given: readonly Column<Row>[]) => insertText(name, given, given.map(isNumbered));
		this.#insert = insert(this.#columns);
		this.#short = shortened(this.#columns, spec.mostlyDefault);
		this.#insertShort = insert(this.#short.columns);
		this.#update = updateText(name, this.#updated, named(key), named(guard));
		this.#remove = removeText(name, named(key));
	}

	/** All columns, under the names of their fields. */
	columns(sql: Sql | Tx): Fragment {
		return sql.unsafe(this.#selection);
	}

	/** `head`: for rows whose number is known to the statement alone. */
	insert(sql: Sql | Tx, rows: readonly Row[], { base, from }: HeadOfGroup = numbersAsTheyAre(sql)) {
		const bases = (this.spec.numbered ?? []).map(() => base);
		const isShort = rows.every(this.#short.isEnough);
		const columns = isShort ? this.#short.columns : this.#columns;
		const text = isShort ? this.#insertShort : this.#insert;
		return sql(text, ...bases, from, ...columns.map((column) => valuesOf(rows, column)));
	}

	/** `before`: the rows as they were read, in the same order; for a table with a guard. */
	update(sql: Sql | Tx, rows: readonly Row[], before: readonly Row[] = []) {
		const guards = this.#columns.filter(({ field }) => field === this.spec.guard);
		return sql(
			this.#update,
			...this.#updated.map((column) => valuesOf(rows, column)),
			...guards.map((guard) => valuesOf(before, guard)),
		);
	}

	/** Removes the rows that have the key of one of these. */
	remove(tx: Tx, rows: readonly Row[]) {
		return tx(this.#remove, arrayText(rows.map((row) => row[this.spec.key])));
	}

	/**
	 * All changes of a group, for a table without a guard. Removals come first: a row that was replaced has the same key as
	 * the new one.
	 */
	write(tx: Tx, { inserted, updated, removed }: RowChanges<Row>): readonly PromiseLike<unknown>[] {
		return [
			...(removed.length > 0 ? [this.remove(tx, removed)] : []),
			...(updated.length > 0 ? [this.update(tx, updated)] : []),
			...(inserted.length > 0 ? [this.insert(tx, inserted)] : []),
		];
	}
}

type Named = Omit<Column<never>, "field">;

function valuesOf<Row extends Plain<Row>>(rows: readonly Row[], { field, isJson }: Column<Row>): string {
	const values = rows.map((row) => row[field]);
	return isJson ? joinedJson(values) : arrayText(values);
}

function insertText(
	table: string,
	columns: readonly Named[],
	isNumbered: readonly boolean[],
): TemplateStringsArray {
	const names = namesOf(columns);
	const values = columns.map((column, index) => (isNumbered[index] ? `? + ${column.name}` : inRow(column)));
	return template(
		`INSERT INTO ${table} (${names}) SELECT ${values.join(", ")} FROM ? ${unnest(columns)} AS inserted (${names})`,
	);
}

function updateText(
	table: string,
	columns: readonly Named[],
	[key]: readonly Named[],
	guards: readonly Named[],
): TemplateStringsArray {
	const before = guards.map((guard) => ({ ...guard, name: `${guard.name}_before` }));
	const changed = columns
		.filter(({ name }) => name !== key?.name)
		.map((column) => `${column.name} = next.${inRow(column)}`);
	const same = guards.map(({ name }) => ` AND ${table}.${name} = next.${name}_before`);
	const given = [...columns, ...before];
	return template(
		`UPDATE ${table} SET ${changed.join(", ")} FROM ${unnest(given)} AS next (${namesOf(given)})
			WHERE ${table}.${key?.name} = next.${key?.name}${same.join("")}`,
	);
}

function removeText(table: string, [key]: readonly Named[]): TemplateStringsArray {
	return template(`DELETE FROM ${table} WHERE ${key?.name} = ANY(?::${key?.type}[])`);
}

function namesOf(columns: readonly Named[]): string {
	return columns.map(({ name }) => name).join(", ");
}

/**
 * One array of values for each column. Where `array_nulls` is off, a NULL in an array is the text `null`, which an array of
 * numbers or ids would fail at before the statement can see the setting: such arrays are of texts, and cast row by row.
 */
function unnest(columns: readonly Named[]): string {
	return `unnest(${columns.map(arrayIn).join(", ")})`;
}

function arrayIn(column: Named): string {
	return column.isJson ? jsonTexts("?") : `?::${castsRows(column) ? "text" : column.type}[]`;
}

/** A column's value in a row of `unnest`. */
function inRow(column: Named): string {
	return castsRows(column) ? `${column.name}::${column.type}` : column.name;
}

function castsRows({ type, isNullable }: Named): boolean {
	return isNullable && type !== "text";
}

/** A text for postgres-js' tag, with a value in place of each `?`. */
function template(text: string): TemplateStringsArray {
	const parts = text.split("?");
	return Object.assign([...parts], { raw: parts });
}
