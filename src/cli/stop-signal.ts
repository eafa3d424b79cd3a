import { readFileSync } from "node:fs";

/**
 * Resolves with the first SIGTERM, SIGINT or SIGHUP; a second one ends the process at once. Not a second SIGHUP: when a
 * terminal closes, both the kernel and the shell send one.
 */
export function stopSignal(): Promise<string> {
	return new Promise((resolve) => {
		let isStopping = false;
		for (const signal of stopSignals()) {
			process.on(signal, () => {
				if (isStopping && signal !== "SIGHUP") process.exit(1);
				isStopping = true;
				resolve(signal);
			});
		}
	});
}

/** A process that ignores SIGHUP was started to outlive its terminal, as `nohup` does: a handler would undo that. */
function stopSignals(): readonly NodeJS.Signals[] {
	return ignoresHangup() ? ["SIGTERM", "SIGINT"] : ["SIGTERM", "SIGINT", "SIGHUP"];
}

/** Counts as true where the system has no /proc to tell. */
function ignoresHangup(): boolean {
	try {
		const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
		return ignored === undefined || (BigInt(`0x${ignored}`) & 1n) === 1n;
	} catch {
		return true;
	}
}
