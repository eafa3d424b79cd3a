import { isObject, mapParts } from "./parts.ts";

/** JSON Schema 2020-12 (`const`, `examples`, `type: "null"`) as OpenAPI 3.0.3 writes it, anywhere in a node. */
export function toOpenapi30(node: unknown): unknown {
	const mapped = mapParts(node, toOpenapi30);
	if (!isObject(mapped)) return mapped;
	const { const: only, examples, anyOf, ...schema } = mapped;
	if (only !== undefined) Object.assign(schema, { type: typeof only, enum: [only] });
	if (schema.enum !== undefined && schema.type === undefined) schema.type = "string";
	if (Array.isArray(examples)) schema.example = examples[0];
	if (Array.isArray(anyOf)) Object.assign(schema, union(anyOf));
	return schema;
}

function union(branches: readonly unknown[]): Record<string, unknown> {
	const rest = branches.filter((branch) => !isObject(branch) || branch.type !== "null");
	const nullable = rest.length < branches.length ? { nullable: true } : {};
	const [first] = rest;
	return rest.length === 1 && isObject(first) ? { ...first, ...nullable } : { anyOf: rest, ...nullable };
}
