/** The command as an unprivileged user if this one is root, so that file modes are enforced; else unchanged. */
export function unprivileged(command: readonly string[]): readonly string[] {
	return isRoot ? ["setpriv", `--reuid=${nobody}`, "--clear-groups", ...command] : command;
}

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

/** The user that `unprivileged` commands run as. */
export const unprivilegedUser = isRoot ? nobody : (process.getuid?.() ?? nobody);
