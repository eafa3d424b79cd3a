/**
 * Marks a part of an operation's description as shared. `openapi/components.ts` moves it to `components` under this
 * name, and leaves a reference in its place. A schema has its `$id` instead.
 */
export const componentKey = "x-component";

type ComponentKind = "headers" | "parameters" | "responses";

/** The part, marked as `components.<kind>.<name>`. Parts of one name must be equal. */
export function component<T extends object>(kind: ComponentKind, name: string, part: T) {
	return { ...part, [componentKey]: `${kind}/${name}` };
}
