import type { InSpace } from "../kernel/space.ts";

/** A collection whose rows of one space a group has changed: that revision is raised. */
export interface Revised extends InSpace {
	readonly collection: string;
}
