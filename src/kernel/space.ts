/** Identifies a space. A name may be given to another space after a deletion; an id never is. */
export type SpaceId = number;

/** The space that is always there. */
export const defaultSpace: SpaceId = 1;

/** What the name of a space looks like, as a regular expression. */
export const spaceNamePattern = "^[a-z0-9-]{1,40}$";

const spaceNameForm = new RegExp(spaceNamePattern);

/** Whether a text can be the name of a space. No other text may reach a database: Postgres refuses some. */
export function isSpaceName(text: string): boolean {
	return spaceNameForm.test(text);
}

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
