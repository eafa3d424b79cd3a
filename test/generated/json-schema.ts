import fc from "fast-check";

/** The parts of a schema in the document that the generator uses. */
export interface JsonSchema {
	readonly type?: string;
	readonly enum?: readonly unknown[];
	readonly anyOf?: readonly JsonSchema[];
	readonly nullable?: boolean;
	readonly minLength?: number;
	readonly maxLength?: number;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly items?: JsonSchema;
	readonly maxItems?: number;
	readonly properties?: Readonly<Record<string, JsonSchema>>;
	readonly required?: readonly string[];
}

/** Values that mostly fit a schema, and sometimes, at any place, do not. */
export function valueBy(schema: JsonSchema): fc.Arbitrary<unknown> {
	return fc.oneof({ weight: 12, arbitrary: fitting(schema) }, { weight: 1, arbitrary: unfitting });
}

const unfitting = fc.oneof(
	fc.jsonValue({ maxDepth: 2 }),
	fc.constantFrom<unknown>("", "\0", "\ud800", -1, 1e300, 1.5, "1", [], {}, "x".repeat(300)),
);

function fitting(schema: JsonSchema): fc.Arbitrary<unknown> {
	if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
	if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueBy));
	if (schema.nullable) return fc.option(fitting({ ...schema, nullable: false }));
	const { minimum = -5, maximum = 1000 } = schema;
	switch (schema.type) {
		case "string":
			return textOf(schema);
		case "integer":
			return fc.oneof(
				fc.integer({ min: minimum, max: Math.min(maximum, minimum + 5) }),
				fc.constant(maximum),
			);
		case "number":
			return fc.oneof(fc.double({ min: minimum, max: maximum, noNaN: true }), fc.constant(minimum));
		case "boolean":
			return fc.boolean();
		case "array":
			return fc.array(valueBy(schema.items ?? {}), { maxLength: Math.min(4, schema.maxItems ?? 4) });
		case "object":
			return objectOf(schema);
		default:
			return fc.jsonValue({ maxDepth: 3 });
	}
}

function textOf({ minLength = 0, maxLength = 30 }: JsonSchema): fc.Arbitrary<string> {
	const length = { minLength: Math.min(minLength, 30), maxLength: Math.min(maxLength, 30) };
	return fc.oneof(
		fc.string(length),
		fc.string({ ...length, unit: "grapheme" }),
		fc.constantFrom("default", "a", "b", "ada@example.com", "2026-11-23T08:15:00.000Z"),
	);
}

function objectOf({ properties = {}, required = [] }: JsonSchema): fc.Arbitrary<unknown> {
	const fields: Record<string, fc.Arbitrary<unknown>> = {};
	for (const [name, schema] of Object.entries(properties)) fields[name] = valueBy(schema);
	// The tests must not wait for jobs that never come.
	if ("wait_seconds" in fields) fields.wait_seconds = fc.constantFrom(0, -1, "1");
	return fc.oneof(
		{ weight: 9, arbitrary: fc.record(fields, { requiredKeys: [...required] }) },
		{ weight: 1, arbitrary: fc.record(fields, { requiredKeys: [] }) },
	);
}
