/** Milliseconds since the epoch, passed in so that a test can stop it. */
export type Clock = () => number;

export const systemClock: Clock = () => Date.now();

/** RFC 3339 in UTC with milliseconds: `2026-11-23T08:15:00.000Z`. */
export function timestamp(milliseconds: number): string {
	// A new task has the same moment four times, and the events of a page are close together.
	if (milliseconds !== last.milliseconds) last = { milliseconds, text: new Date(milliseconds).toISOString() };
	return last.text;
}

let last = { milliseconds: 0, text: "1970-01-01T00:00:00.000Z" };

/** The first and the last moment that `timestamp` can write with four digits for the year. */
const timeMin = Date.parse("0000-01-01T00:00:00.000Z");
const timeMax = Date.parse("9999-12-31T23:59:59.999Z");

/** The milliseconds of a time in RFC 3339; finer digits are cut off. Undefined where it is beyond the years 0 to 9999 in UTC. */
export function parseTimestamp(text: string): number | undefined {
	const time = Date.parse(text);
	return time >= timeMin && time <= timeMax ? time : undefined;
}
