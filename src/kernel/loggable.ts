import { AppError, StartupError } from "./errors.ts";
import { TimeoutError } from "./timeout.ts";

/** What of an error may be logged. */
export interface Loggable {
	readonly name: string;
	readonly code?: string | number;
	readonly message?: string;
	/** Names of the schema, and the function of Postgres that found the error. */
	readonly constraint?: string;
	readonly table?: string;
	readonly column?: string;
	readonly routine?: string;
	/** The frames alone: the first line of a stack is the message. */
	readonly stack?: string;
	readonly cause?: Loggable;
	readonly errors?: readonly Loggable[];
}

/** Of a chain of causes, and of an `AggregateError`, as many are logged. */
const depthMax = 4;
const errorsMax = 3;

/**
 * What of an error may be logged: nothing that anybody submitted. A driver's error, and many a `TypeError` or
 * `SyntaxError`, repeats values in its message, and drizzle's repeats every parameter of the query. So a message is
 * kept only where it is known to have no values; the frames of the stack say where the others come from.
 */
export function loggable(error: unknown): Loggable {
	return loggableAt(error, 1);
}

function loggableAt(error: unknown, depth: number): Loggable {
	if (!(error instanceof Error)) return { name: typeof error };
	const nested = (cause: unknown) => loggableAt(cause, depth + 1);
	const isLast = depth === depthMax;
	const causes = {
		...(error.cause !== undefined && !isLast && { cause: nested(error.cause) }),
		...(error instanceof AggregateError &&
			!isLast && { errors: error.errors.slice(0, errorsMax).map(nested) }),
	};
	return isQueryError(error) ? (causes.cause ?? { name: "QueryError" }) : { ...described(error), ...causes };
}

/** drizzle's error for a query that failed: its cause is the driver's error. Its name is "Error". */
function isQueryError(error: Error): boolean {
	return "query" in error && "params" in error;
}

interface DriverError extends Error {
	readonly code?: unknown;
	readonly constraint_name?: unknown;
	readonly table_name?: unknown;
	readonly column_name?: unknown;
	readonly routine?: unknown;
}

function described(error: DriverError): Loggable {
	const { name, code, constraint_name, table_name, column_name, routine } = error;
	const stack = frames(error);
	return {
		name,
		...((typeof code === "string" || typeof code === "number") && { code }),
		...(hasNoValues(error) && { message: error.message }),
		...(typeof constraint_name === "string" && { constraint: constraint_name }),
		...(typeof table_name === "string" && { table: table_name }),
		...(typeof column_name === "string" && { column: column_name }),
		...(typeof routine === "string" && { routine }),
		...(stack !== "" && { stack }),
	};
}

/**
 * SQLSTATE classes and states whose messages have only names of the schema, addresses and sizes. Messages of the others
 * have values: 22 the data, 42601 a part of the statement; of 23 the constraint's name says enough.
 */
const valuelessSqlStates = /^(08|25|28|3D|40|53|54|55|57|58)|^(42501|42703|42P01)$/;

/** This program's own messages have no values. A message of SQLite has some only where the code is the general one. */
function hasNoValues(error: DriverError): boolean {
	const { name, code, message } = error;
	if (name === "PostgresError") return valuelessSqlStates.test(String(code));
	if (name === "SQLiteError") return code !== "SQLITE_ERROR" || /^no such table: \w+$/.test(message);
	if (error instanceof AppError || error instanceof StartupError || error instanceof TimeoutError)
		return true;
	return error.constructor === Error && code === undefined;
}

/** The lines of the stack after the message, of which each names a place in a source. */
function frames({ message, stack = "" }: Error): string {
	const end = stack.indexOf(message) + message.length;
	const lines = stack.slice(end).split("\n");
	return lines.filter((line) => /^ +at .*[(/ ][^\s()]+:\d+(:\d+)?\)?$/.test(line)).join("\n");
}
