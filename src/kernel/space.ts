/** Identifies a space. A name may be given to another space after a deletion; an id never is. */
export type SpaceId = number;

/** The space that is always there. */
export const defaultSpace: SpaceId = 1;

/** Where a unit of work works: in one space, or, for what time does, in all of them. */
export type UnitSpace = SpaceId | "every";

export interface InSpace {
	readonly space: SpaceId;
}

/** The row, if it is there and of this space. */
export function inSpace<Row extends InSpace>(space: UnitSpace, row: Row | undefined): Row | undefined {
	return row !== undefined && isWithin(space, row) ? row : undefined;
}

export function isWithin(wanted: UnitSpace, { space }: InSpace): boolean {
	return wanted === "every" || space === wanted;
}
