/** Prints what a command did; its exit code. */
export function succeed(line: string): number {
	console.log(line);
	return 0;
}

/** Prints why a command failed; its exit code. */
export function fail(line: string): number {
	console.error(`orchestrator: ${line}`);
	return 1;
}
