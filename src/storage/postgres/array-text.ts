import type { Value } from "../table-columns.ts";

/**
 * An array as Postgres reads it from a text. postgres-js escapes each value, numbers too, which was a quarter of its time
 * in an insert; most values need no escape.
 */
export function arrayText(values: readonly Value[]): string {
	return `{${values.map(elementText).join(",")}}`;
}

function elementText(value: Value): string {
	if (value === null) return "NULL";
	if (typeof value === "number") return String(value);
	return value.includes('"') || value.includes("\\")
		? `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
		: `"${value}"`;
}

/** Parts JSON texts, which have no control character: JSON escapes them. */
const separator = "\u001f";

/** JSON texts without white space in one text, which `jsonTexts` parts again. In an array, each quote would be escaped. */
export function joinedJson(texts: readonly Value[]): string {
	return texts.join(separator);
}

/** The SQL of an array of the texts that were joined. */
export function jsonTexts(joined: string): string {
	return `string_to_array(${joined}::text, chr(${separator.charCodeAt(0)}))`;
}
