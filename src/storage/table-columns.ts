import { getTableColumns, type Table } from "drizzle-orm";

/** What a column holds: one value. */
export type Value = string | number | null;

/** A row that is written as it is. */
export type Plain<Row> = { readonly [Field in keyof Row]: Value };
export type Field<Row> = Extract<keyof Row, string>;

/** What the statements of a table must know besides its columns. */
export interface StatementSpec<Row> {
	/** The column by which rows are updated and removed. */
	readonly key: Field<Row>;
	/** Columns that no update changes. */
	readonly fixed: readonly Field<Row>[];
	/** A column that must still be what it was when the row was read; else an update leaves the row as it is. */
	readonly guard?: Field<Row>;
}

export interface TableColumn<Row> {
	readonly field: Field<Row>;
	/** Its name in the database. */
	readonly name: string;
	/** Its type in the database, without a collation. */
	readonly type: string;
	readonly isNullable: boolean;
}

export function columnsOf<Row>(table: Table): readonly TableColumn<Row>[] {
	return Object.entries(getTableColumns(table)).map(([field, column]) => ({
		field: field as Field<Row>,
		name: column.name,
		type: column.getSQLType().replace(/ COLLATE .*/, ""),
		isNullable: !column.notNull,
	}));
}

/** All columns of a table, under the names of their fields. */
export function selection(table: Table): string {
	return columnsOf(table)
		.map(({ field, name }) => `${name} AS "${field}"`)
		.join(", ");
}
