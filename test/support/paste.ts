import { expect } from "bun:test";

/** Pastes lines of a document into a shell, which must do all of them without an error. Returns what it printed. */
export async function paste(
	lines: string,
	env: Readonly<Record<string, string | undefined>>,
	cwd?: string,
): Promise<string> {
	const shell = Bun.spawn(["sh", "-e"], {
		...(cwd !== undefined && { cwd }),
		env: { ...env },
		stdin: new Blob([lines]),
		stdout: "pipe",
		stderr: "pipe",
	});
	const [stdout, stderr, code] = await Promise.all([shell.stdout.text(), shell.stderr.text(), shell.exited]);
	expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
	return stdout;
}
