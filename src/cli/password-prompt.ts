/** The password: asked for on a terminal without echo, else the first line of standard input. */
export async function readPassword(prompt: string): Promise<string> {
	return process.stdin.isTTY ? readSilently(prompt) : readLine();
}

async function readLine(): Promise<string> {
	for await (const line of console) return line.replace(/\r$/, "");
	return "";
}

const enters = new Set(["\r", "\n", "\u0004"]);
const interrupt = "\u0003";
const erases = new Set(["\b", "\u007f"]);

async function readSilently(prompt: string): Promise<string> {
	const { stdin, stderr } = process;
	// In this order: what is typed before the terminal is silent would show.
	stdin.setRawMode(true);
	stderr.write(prompt);
	stdin.setEncoding("utf8");
	let typed: readonly string[] = [];
	try {
		for await (const chunk of stdin) {
			for (const key of String(chunk)) {
				if (key === interrupt) process.exit(130);
				if (enters.has(key)) return typed.join("");
				typed = erases.has(key) ? typed.slice(0, -1) : [...typed, key];
			}
		}
		return typed.join("");
	} finally {
		stdin.setRawMode(false);
		stderr.write("\n");
	}
}
