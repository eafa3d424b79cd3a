/** The command as a user without root's powers, so that a file's mode counts. As anybody else it stays as it is. */
export function unprivileged(command: readonly string[]): readonly string[] {
	return isRoot ? ["setpriv", `--reuid=${nobody}`, "--clear-groups", ...command] : command;
}

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

/** Whose files `unprivileged` programs may change. */
export const unprivilegedUser = isRoot ? nobody : (process.getuid?.() ?? nobody);
