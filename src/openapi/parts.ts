/** Keys that hold values, not parts of the document. */
const valueKeys: ReadonlySet<string> = new Set(["const", "default", "enum", "example", "examples"]);

/** Applies a change to everything inside a node that may be a part of the document. */
export function mapParts(node: unknown, change: (part: unknown) => unknown): unknown {
	if (Array.isArray(node)) return node.map(change);
	if (!isObject(node)) return node;
	return mapValues(node, (value, key) => {
		if (valueKeys.has(key)) return value;
		// The keys here are property names: one may be called `example`.
		if (key === "properties" && isObject(value)) return mapValues(value, change);
		return change(value);
	});
}

function mapValues(
	node: Record<string, unknown>,
	change: (value: unknown, key: string) => unknown,
): Record<string, unknown> {
	return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, change(value, key)]));
}

export function isObject(node: unknown): node is Record<string, unknown> {
	return typeof node === "object" && node !== null && !Array.isArray(node);
}
