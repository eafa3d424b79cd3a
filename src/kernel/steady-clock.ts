/** A wall clock that differs by more from what has really passed has jumped: was set, or its machine was suspended. */
const jumpMsMin = 5000;

/** Tells when a wall clock, which can be wrong when a machine starts, has run steadily for long enough to be trusted. */
export class SteadyClock {
	/** Of the wall clock to the monotonic one, at the last jump. */
	#offset = Number.NaN;
	#steadySince = 0;

	/** `monotonic`: what has really passed, in milliseconds. */
	constructor(
		private readonly steadyMs: number,
		private readonly monotonic: () => number = () => performance.now(),
	) {}

	/**
	 * How long the wall clock, which has just read `now`, must run on before it has been steady for long enough since the
	 * first reading and since its last jump; 0 if it has.
	 */
	remainingMs(now: number): number {
		const passed = this.monotonic();
		const hasKept = Math.abs(now - passed - this.#offset) <= jumpMsMin;
		if (!hasKept) {
			this.#offset = now - passed;
			this.#steadySince = passed;
		}
		return Math.max(0, this.#steadySince + this.steadyMs - passed);
	}
}
