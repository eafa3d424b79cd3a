import { appendFileSync } from "node:fs";

/** A dependency that the tests lack, and how to get it. In CI that is a failure, not a skip. */
export function skipped(part: string, how: string): undefined {
	const line = `${part} is not here, so its tests were skipped: ${how}`;
	if (Bun.env.CI === "true") throw new Error(line);
	const file = Bun.env.TEST_SKIPS_FILE;
	if (file === undefined) console.warn(line);
	else appendFileSync(file, `${line}\n`);
	return undefined;
}
