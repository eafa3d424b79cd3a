import type { Static, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import type { TLocalizedValidationError } from "typebox/error";
import { Settings } from "typebox/system";
import { type Fault, validationError } from "../kernel/errors.ts";
import type { ReadBody } from "./body.ts";
import { roundedInteger } from "./json.ts";

/** A submitted value that is checked when it is first asked for, not before, and once. */
export class Submitted<T> {
	readonly #check: () => T;
	#outcome: { readonly value: T } | { readonly error: unknown } | undefined;

	constructor(check: () => T) {
		this.#check = check;
	}

	/** The checked value. Throws an `AppError` (400, 413, 415, 422) if the submission is faulty. */
	value(): T {
		const outcome = this.#checked();
		if ("error" in outcome) throw outcome.error;
		return outcome.value;
	}

	/** Whether `value()` would throw. */
	get isFaulty(): boolean {
		return "error" in this.#checked();
	}

	#checked(): { readonly value: T } | { readonly error: unknown } {
		this.#outcome ??= outcomeOf(this.#check);
		return this.#outcome;
	}
}

function outcomeOf<T>(check: () => T): { readonly value: T } | { readonly error: unknown } {
	try {
		return { value: check() };
	} catch (error) {
		return { error };
	}
}

/** Turns a body into a checked value. */
export type BodyCheck<T> = (body: ReadBody) => Submitted<T>;

/**
 * Checks a JSON body strictly: no coercion, no unknown field or query parameter, no NUL or lone surrogate in any text.
 * `others`: faults that no schema can tell.
 */
export function jsonBody<S extends TSchema>(
	schema: S,
	others: (value: unknown) => readonly Fault[] = () => [],
): BodyCheck<Static<S>> {
	const check = checker(schema);
	return (body) =>
		new Submitted(() => {
			if ("error" in body) throw body.error;
			return check(body.value, [...body.parameters.map(unknownParameter), ...others(body.value)]);
		});
}

/**
 * Reads the text behind a URL's `?` by a schema. A parameter whose type is `array` may come once or many times, and is a
 * list; any other one that comes twice is a list too, and so does not fit.
 */
export function readQuery<S extends TSchema>(schema: S): (query: string) => Static<S> {
	const check = checker(schema);
	const integers = namesOfType(schema, "integer");
	const lists = namesOfType(schema, "array");
	return (query) => {
		const values: Record<string, unknown> = Object.create(null);
		for (const [name, given] of Map.groupBy(new URLSearchParams(query), ([name]) => name)) {
			const all = given.map(([, value]) => value);
			values[name] = all.length > 1 || lists.includes(name) ? all : all[0];
		}
		return check(readIntegers(values, integers));
	};
}

type QueryValues = Readonly<Record<string, unknown>>;

function unknownParameter(name: string): Fault {
	return { message: "is not a known query parameter", path: child("", name) };
}

/** `others`: faults found elsewhere, which are thrown with those of the value. */
function checker<S extends TSchema>(schema: S): (value: unknown, others?: readonly Fault[]) => Static<S> {
	// Compiled when first needed: all of them together were a sixth of the time to start.
	let made: Validator<Record<never, never>, S> | undefined;
	return (value, others = []) => {
		made ??= Compile(schema);
		const compiled = made;
		const faults = [...others, ...textFaults(value, "")];
		const fits = compiled.Check(value);
		if (fits && faults.length === 0) return value as Static<S>;
		throw validationError(tidy([...faults, ...(fits ? [] : compiled.Errors(value).flatMap(faultsOf))]));
	};
}

/** One fault for each path is enough: a union repeats them for each branch. A path may contain a submitted name. */
function tidy(faults: readonly Fault[]): readonly Fault[] {
	const byPath = new Map<string, Fault>();
	for (const { message, path } of faults) {
		const shown = path.slice(0, pathMax).toWellFormed();
		if (byPath.get(shown)?.message === roundedFault && isWrongOfInteger(message)) continue;
		byPath.set(shown, { message, path: shown });
	}
	return [...byPath.values()];
}

/** Wrong of an integer that `roundedInteger` stands for. */
function isWrongOfInteger(message: string): boolean {
	return message === "must be integer" || message === "must be number";
}

const roundedFault = "must be an integer that a double holds exactly; send any other as a string";
const pathMax = 500;
/** What the schema and the texts may find before they stop looking: of some faults typebox finds several errors. */
const errorsMax = 10_000;
// typebox stops at 8 by default.
Settings.Set({ maxErrors: errorsMax });

function faultsOf(error: TLocalizedValidationError): readonly Fault[] {
	const path = error.instancePath;
	switch (error.keyword) {
		case "required":
			return error.params.requiredProperties.map((name) => ({
				message: "is required",
				path: child(path, name),
			}));
		case "boolean":
			return [{ message: "is not a known field", path }];
		case "anyOf":
			return []; // each branch has its own
		case "type":
			// A field that may be null may have a value too: what is wrong with that says more.
			return error.params.type === "null" ? [] : [{ message: error.message, path }];
		case "additionalProperties":
			return []; // each unknown field has a fault of its own, from the schema `false`
		case "pattern":
			return [{ message: "does not have the wanted form", path }];
		default:
			return [{ message: error.message, path }];
	}
}

function child(path: string, name: string): string {
	return `${path}/${name.slice(0, 200).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/**
 * Texts that no database or canonical form can hold, and numbers that no double holds, anywhere in a value. Keeps its
 * own stack, because a body may be nested deeper than the call stack.
 */
function textFaults(root: unknown, rootPath: string): readonly Fault[] {
	if (typeof root !== "object" || root === null) return [];
	const faults: Fault[] = [];
	const pending: { readonly value: object; readonly path: string }[] = [{ value: root, path: rootPath }];
	for (let next = pending.pop(); next !== undefined && faults.length < errorsMax; next = pending.pop()) {
		for (const name in next.value) {
			const value: unknown = (next.value as Record<string, unknown>)[name];
			if (!isStorable(name))
				faults.push({ message: "has a field whose name cannot be stored", path: next.path });
			else if (typeof value === "object" && value !== null)
				pending.push({ value, path: child(next.path, name) });
			else if (value === roundedInteger) faults.push({ message: roundedFault, path: child(next.path, name) });
			else if (typeof value === "string" && !isStorable(value))
				faults.push({ message: "must not hold a NUL or a lone surrogate", path: child(next.path, name) });
			else if (typeof value === "number" && !Number.isFinite(value))
				faults.push({ message: "must be a number that a double can hold", path: child(next.path, name) });
		}
	}
	return faults;
}

/** Whether both databases and RFC 8785 can hold a text: no NUL (Postgres 22021), no lone surrogate. */
function isStorable(text: string): boolean {
	return !text.includes("\0") && text.isWellFormed();
}

/** The names of a schema's properties whose type is `type`. */
function namesOfType(schema: TSchema, type: "integer" | "array"): readonly string[] {
	const properties = (schema as { properties?: Record<string, { type?: unknown }> }).properties ?? {};
	return Object.keys(properties).filter((name) => properties[name]?.type === type);
}

function readIntegers(query: QueryValues, integers: readonly string[]): QueryValues {
	const read: Record<string, unknown> = { ...query };
	for (const name of integers) {
		const text = read[name];
		if (typeof text === "string" && /^-?\d{1,15}$/.test(text)) read[name] = Number(text);
	}
	return read;
}
