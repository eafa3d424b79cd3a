import { validationError } from "../kernel/errors.ts";
import { type EventType, eventTypes } from "../kernel/event-draft.ts";
import { defaultSpace, type SpaceId } from "../kernel/space.ts";

/** Which events a client gets: those that it may see, narrowed to the types it asked for. */
export interface EventFilter {
	readonly types: readonly EventType[];
	readonly space: SpaceId;
	/** Filters with the same key admit the same events. */
	readonly key: string;
	/** Whether it admits any event of a kind. */
	shows(kind: EventKind): boolean;
	admits(event: { readonly space: SpaceId; readonly type: EventType }): boolean;
}

/** What stands before the dot of a type: what the event is about. */
export type EventKind = "task" | "job";

/**
 * `wanted` is a list such as `task.*,job.dead`; absent: everything. It narrows and never widens: who sees no jobs gets
 * nothing for `job.*`. Throws `validation_error` for an unknown type.
 */
export function eventFilter(
	wanted: string | undefined,
	visible: readonly EventKind[],
	space: SpaceId = defaultSpace,
): EventFilter {
	const requested = wanted === undefined ? eventTypes : wanted.split(",").flatMap(typesOf);
	const isVisible = (type: EventType) => visible.some((kind) => type.startsWith(`${kind}.`));
	const types = eventTypes.filter((type) => requested.includes(type) && isVisible(type));
	const shows = (kind: EventKind) => types.some((type) => type.startsWith(`${kind}.`));
	const mask = types.reduce((bits, type) => bits | bitOf(type), 0);
	const admits: EventFilter["admits"] = (event) => event.space === space && (mask & bitOf(event.type)) !== 0;
	return { types, space, key: `${space} ${mask}`, shows, admits };
}

const bits = new Map(eventTypes.map((type, index) => [type, 1 << index]));

function bitOf(type: EventType): number {
	return bits.get(type) ?? 0;
}

function typesOf(word: string): readonly EventType[] {
	const found = eventTypes.filter((type) => type === word || `${type.split(".")[0]}.*` === word);
	if (found.length > 0) return found;
	const message = `must be a list of ${eventTypes.join(", ")}, task.* or job.*, separated by commas`;
	throw validationError([{ message, path: "/types" }]);
}
