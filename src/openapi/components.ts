import { componentKey } from "../http/component.ts";
import { isObject, mapParts } from "./parts.ts";

type Parts = Record<string, unknown>;

/** Moves every named part to `components`, once, and leaves references to it. */
export function shareComponents({ components, ...document }: Parts): Parts {
	const byKind: Record<string, Parts> = {};

	function share(node: unknown): unknown {
		const shared = mapParts(node, share);
		if (!isObject(shared)) return shared;
		const { $id, [componentKey]: path = $id && `schemas/${$id}`, ...part } = shared;
		if (typeof path !== "string") return shared;
		add(path, part);
		return { $ref: `#/components/${path}` };
	}

	function add(path: string, part: Parts): void {
		const [kind = "", name = ""] = path.split("/");
		byKind[kind] ??= {};
		const parts = byKind[kind];
		if (parts[name] !== undefined && !Bun.deepEquals(parts[name], part)) {
			throw new Error(`two different parts of the document are named ${path}`);
		}
		parts[name] = part;
	}

	const shared = mapParts(document, share) as Parts;
	return { ...shared, components: { ...(components as Parts), ...byKind } };
}
