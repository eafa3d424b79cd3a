import { defaultSpace } from "../kernel/space.ts";
import type { SpaceNames } from "./store.ts";

const name = "default";

/** The one space that every user reaches. */
export const onlyDefaultSpace: SpaceNames = {
	idsOf: async (_, names) => names.map((given) => (given === name ? defaultSpace : undefined)),
	namesOf: async () => new Map([[defaultSpace, name]]),
};
