/** Milliseconds since the epoch, passed in so that a test can stop it. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();

/** RFC 3339 in UTC with milliseconds: `2026-11-23T08:15:00.000Z`. */
export function timestamp(milliseconds: number): string {
	return new Date(milliseconds).toISOString();
}
