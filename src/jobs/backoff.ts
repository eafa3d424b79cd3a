const secondsMax = 3600;
const jitter = 0.2;

/** How long a job waits after its `attempt`th failure: `min(2^attempt, 3600)` s, ±20 %. `random` is in [0, 1). */
export function backoffMs(attempt: number, random: () => number): number {
	const seconds = Math.min(2 ** attempt, secondsMax);
	return Math.round(seconds * 1000 * (1 - jitter + 2 * jitter * random()));
}
