/** A space, as the rows of all collections name it. */
export type SpaceId = number;

/** The space that is always there. */
export const defaultSpace: SpaceId = 1;
