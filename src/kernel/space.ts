/** The number of a space: a project with rows of its own. Never given out twice, while a name may be. */
export type SpaceId = number;

/** The space that is always there. */
export const defaultSpace: SpaceId = 1;
