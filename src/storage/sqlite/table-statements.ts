import type { Database, Statement } from "bun:sqlite";
import { getTableName, type Table } from "drizzle-orm";
import {
	columnsOf,
	type Field,
	type Plain,
	type StatementSpec,
	shortened,
	type TableColumn,
	type Value,
} from "../table-columns.ts";

/**
 * The statements that write a row of a table, made from its columns: a column is written in the table alone. Raw
 * statements, because every change runs some: drizzle's placeholders cost three times the insert itself.
 */
export class TableStatements<Row extends Plain<Row>> {
	readonly #inserted: readonly Field<Row>[];
	readonly #short: readonly Field<Row>[];
	readonly #isShort: (row: Row) => boolean;
	readonly #insertShort: Statement<unknown, Value[]>;
	readonly #updated: readonly Field<Row>[];
	readonly #insert: Statement<unknown, Value[]>;
	readonly #update: Statement<unknown, Value[]>;
	readonly #remove: Statement<unknown, Value[]>;

	constructor(
		database: Database,
		table: Table & { readonly $inferSelect: Row },
		private readonly spec: StatementSpec<Row>,
	) {
		const columns = columnsOf<Row>(table);
		const changed = columns.filter(({ field }) => field !== spec.key && !spec.fixed.includes(field));
		this.#inserted = columns.map(({ field }) => field);
		const short = shortened(columns, spec.mostlyDefault);
		this.#short = short.columns.map(({ field }) => field);
		this.#isShort = short.isEnough;
		this.#updated = changed.map(({ field }) => field);
		const nameOf = (wanted: Field<Row>) => columns.find(({ field }) => field === wanted)?.name;
		const conditions = [spec.key, spec.guard].flatMap((field) =>
			field === undefined ? [] : `${nameOf(field)} = ?`,
		);
		const name = getTableName(table);
		const insert = (given: readonly TableColumn<Row>[]) =>
			database.query<unknown, Value[]>(
				`INSERT INTO ${name} (${given.map((column) => column.name).join(", ")}) VALUES (${given.map(() => "?").join(", ")})`,
			);
		this.#insert = insert(columns);
		this.#insertShort = insert(short.columns);
		this.#update = database.query(
			`UPDATE ${name} SET ${changed.map((column) => `${column.name} = ?`).join(", ")} WHERE ${conditions.join(" AND ")}`,
		);
		this.#remove = database.query(`DELETE FROM ${name} WHERE ${nameOf(spec.key)} = ?`);
	}

	insert(row: Row): void {
		if (this.#isShort(row)) this.#insertShort.run(...valuesOf(row, this.#short));
		else this.#insert.run(...valuesOf(row, this.#inserted));
	}

	/** `before`: the row as it was read, for a table with a guard. Returns how many rows have changed. */
	update(row: Row, before: Row = row): number {
		const { key, guard } = this.spec;
		const values = valuesOf(row, this.#updated);
		values.push(row[key]);
		if (guard !== undefined) values.push(before[guard]);
		return this.#update.run(...values).changes;
	}

	remove(row: Row): void {
		this.#remove.run(row[this.spec.key]);
	}
}

function valuesOf<Row extends Plain<Row>>(row: Row, fields: readonly Field<Row>[]): Value[] {
	return fields.map((field) => row[field]);
}
