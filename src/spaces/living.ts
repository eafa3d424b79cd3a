import { defaultSpace } from "../kernel/space.ts";
import type { RunUnit, Unit } from "../kernel/unit-of-work.ts";
import { requireSpace } from "./service.ts";
import { spaces } from "./store.ts";

/**
 * Runs units that work in a space only while it lives: what was admitted before its deletion and is not committed yet
 * fails with `not_found`. `default` cannot be deleted, so its units read nothing more.
 */
export function inLivingSpaces(run: RunUnit): RunUnit {
	return (unit) => run(requireLiving(unit));
}

function requireLiving<T>(unit: Unit<T>): Unit<T> {
	const { space } = unit;
	if (space === undefined || space === "every" || space === defaultSpace) return unit;
	return {
		...unit,
		reads: [...unit.reads, spaces.reads({ ids: [space] })],
		decide(work) {
			requireSpace(work.rows(spaces), space);
			return unit.decide(work);
		},
	};
}
