import { canonical } from "../kernel/canonical.ts";
import type { Fault } from "../kernel/errors.ts";

/** The object itself is the first level. */
const depthMax = 32;
const bytesMax = 16 * 1024;

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;

/** What a patch makes of metadata, as canonical JSON (RFC 7396), or what is wrong with it at `path`. */
export function mergeMetadata(current: string, patch: object | null, path: string): string | Fault {
	if (patch === null) return "{}";
	// Before anything recurses: a body may be nested deeper than the stack.
	if (!isWithinDepth(patch, depthMax)) {
		return { message: `must not be nested deeper than ${depthMax} levels`, path };
	}
	const merged = canonical(merge(JSON.parse(current), patch));
	if (Buffer.byteLength(merged) <= bytesMax) return merged;
	return { message: `must not be larger than ${bytesMax} bytes in canonical form`, path };
}

/** Without a prototype, so that `__proto__` is a name like any other. */
function merge(target: Json, patch: Json): Json {
	if (!isObject(patch)) return patch;
	const merged: Record<string, Json> = Object.assign(Object.create(null), isObject(target) ? target : {});
	for (const [name, value] of Object.entries(patch)) {
		if (value === null) delete merged[name];
		else merged[name] = merge(merged[name], value);
	}
	return merged;
}

function isObject(value: Json): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWithinDepth(value: Json, levels: number): boolean {
	if (typeof value !== "object" || value === null) return true;
	return levels > 0 && Object.values(value).every((member) => isWithinDepth(member, levels - 1));
}
