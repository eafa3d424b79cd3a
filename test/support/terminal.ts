import { environment } from "./process.ts";

/** Runs a command on its own terminal; once the screen shows `prompt`, types the keys. */
export async function runOnTerminal(
	command: readonly string[],
	env: Record<string, string>,
	prompt: string,
	keys: string,
): Promise<{ readonly code: number; readonly screen: string }> {
	let screen = "";
	let isTyped = false;
	const text = new TextDecoder();
	const { promise: closed, resolve: close } = Promise.withResolvers<void>();
	const child = Bun.spawn([...command], {
		env: environment(env),
		terminal: {
			data(terminal, bytes) {
				screen += text.decode(bytes, { stream: true });
				if (isTyped || !screen.includes(prompt)) return;
				isTyped = true;
				terminal.write(keys);
			},
			exit: () => close(),
		},
	});
	const code = await child.exited;
	child.terminal?.close();
	await closed;
	return { code, screen };
}
