import { getTableColumns, getTableName, type Table } from "drizzle-orm";

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
	/** Columns that an insert leaves out where they have their defaults, all of them. */
	readonly mostlyDefault?: readonly Field<Row>[];
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
	/** What a row has that an insert does not give a value. */
	readonly default: Value | undefined;
}

export function columnsOf<Row>(table: Table): readonly TableColumn<Row>[] {
	return Object.entries(getTableColumns(table)).map(([field, column]) => ({
		field: field as Field<Row>,
		name: column.name,
		type: column.getSQLType().replace(/ COLLATE .*/, ""),
		isNullable: !column.notNull,
		default: (column.default ?? (column.notNull ? undefined : null)) as Value | undefined,
	}));
}

/** The columns of an insert that leaves some at their defaults, and whether it is enough for a row. */
export function shortened<Row extends Plain<Row>, Column extends TableColumn<Row>>(
	columns: readonly Column[],
	left: readonly Field<Row>[] = [],
): { readonly columns: readonly Column[]; isEnough(row: Row): boolean } {
	const omitted = columns.filter(({ field }) => left.includes(field));
	return {
		columns: columns.filter(({ field }) => !left.includes(field)),
		isEnough(row) {
			for (const column of omitted) if (row[column.field] !== column.default) return false;
			return omitted.length > 0;
		},
	};
}

/** All columns of a table, under the names of their fields; with a prefix, where another table has some of them too. */
export function selection(table: Table, prefix = ""): string {
	const from = prefix === "" ? "" : `${getTableName(table)}.`;
	return columnsOf(table)
		.map(({ field, name }) => `${from}${name} AS "${prefix}${field}"`)
		.join(", ");
}

/** The row of a table that was selected with a prefix; undefined if an outer join found none. */
export function prefixedRow<Row>(
	found: Readonly<Record<string, unknown>>,
	prefix: string,
	key: Field<Row>,
): Row | undefined {
	if (found[prefix + key] === null) return undefined;
	const fields = Object.entries(found).filter(([name]) => name.startsWith(prefix));
	return Object.fromEntries(fields.map(([name, value]) => [name.slice(prefix.length), value])) as Row;
}

/** The names of those registered tables whose rows have a space. */
export function tablesInSpaces(
	registered: Readonly<Record<string, { readonly tables: Readonly<Record<string, Table>> }>>,
): readonly string[] {
	return Object.values(registered)
		.flatMap(({ tables }) => Object.values(tables))
		.filter((table) => "space" in getTableColumns(table))
		.map(getTableName);
}
